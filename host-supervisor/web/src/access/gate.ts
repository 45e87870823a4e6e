// Stands before a page: signs in with the key of the address, and shows the form when a call answers 401.

import { ApiClient } from "../api/client.ts";
import { ApiError } from "../api/error.ts";
import { root, shell } from "../view/shell.ts";
import { signInForm } from "./form.ts";
import { onKeyInAddress, signInFromAddress } from "./key.ts";

export interface Gate {
  readonly api: ApiClient;
  /** The one session's token that opens the page, in a frame of another site for example; `null`: key or cookie do. */
  readonly viewToken: string | null;
  /** Shows the form for a 401 and answers true; every other error is the caller's. */
  refused(error: unknown): boolean;
}

/** Runs `page` once the key of the address, if it has one, is exchanged for the cookie. */
export async function openGate(page: (gate: Gate) => void): Promise<void> {
  const api = new ApiClient();
  let asking = false;
  const gate: Gate = {
    api,
    viewToken: null,
    refused(error) {
      if (!(error instanceof ApiError) || error.kind !== "unauthorized") return false;
      // A page has several calls under way; only the first one that is refused may replace it.
      if (!asking) showForm(api);
      asking = true;
      return true;
    },
  };
  onKeyInAddress(() => location.reload());
  try {
    await signInFromAddress(api);
  } catch (error) {
    if (gate.refused(error)) return;
    // Whatever else is wrong, the page's own calls meet it too and have words for it.
  }
  page(gate);
}

/** For a page whose address holds a session's token: there is no form, and what the token does not open stays closed. */
export function tokenGate(viewToken: string): Gate {
  return { api: new ApiClient(viewToken), viewToken, refused: () => false };
}

function showForm(api: ApiClient): void {
  root().replaceChildren(...shell(signInForm(api, () => location.reload())));
  document.getElementById("key")?.focus();
}
