// Who has signed in, and what the key allows: what it does not is not offered.

import { signal } from "@preact/signals";
import type { Myself, Scope } from "./types.ts";

export const myself = signal<Myself | null>(null);

export function may(scope: Scope): boolean {
  return myself.value?.scopes.includes(scope) ?? false;
}
