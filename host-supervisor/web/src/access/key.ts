// The API key on its way from the address that `anteroom up` prints into the daemon's cookie. It is never kept here.

import type { ApiClient } from "../api/client.ts";

/** The key in `#key=…`, `null` if there is none. */
export function keyIn(fragment: string): string | null {
  const key = new URLSearchParams(fragment.replace(/^#/, "")).get("key");
  return key === null || key.trim() === "" ? null : key.trim();
}

/**
 * Takes the key out of the address, then signs in with it. The address is cleaned first, so that the key is in no
 * history or bookmark whatever the daemon says.
 */
export async function signInFromAddress(api: ApiClient): Promise<void> {
  const key = keyIn(location.hash);
  if (key === null) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  await api.login(key);
}

/** The printed address pasted into a tab that shows the page already only changes the fragment. */
export function onKeyInAddress(react: () => void): void {
  addEventListener("hashchange", () => {
    if (keyIn(location.hash) !== null) react();
  });
}
