// The console's address: which place is shown. Links are ordinary links, so that they can be opened in another tab.

import { signal } from "@preact/signals";

export const ROOT = "/console";

/** The path below the root, in parts: `["vms", "4f…"]`. */
export const place = signal(parts(location.pathname));

export function parts(path: string): readonly string[] {
  return path
    .slice(ROOT.length)
    .split("/")
    .filter((part) => part !== "")
    .map(decoded);
}

export function address(...to: readonly string[]): string {
  return [ROOT, ...to.map(encodeURIComponent)].join("/");
}

export function go(to: string): void {
  history.pushState(null, "", to);
  show();
  scrollTo(0, 0);
}

/** Clicks on links of the console change the place without another page. */
export function follow(): void {
  addEventListener("popstate", show);
  document.addEventListener("click", (click) => {
    const link = click.target instanceof Element ? click.target.closest("a") : null;
    if (!link || click.defaultPrevented || link.target !== "" || link.hasAttribute("download")) return;
    if (click.button !== 0 || click.metaKey || click.ctrlKey || click.shiftKey || click.altKey) return;
    if (link.origin !== location.origin || !isOurs(link.pathname)) return;
    click.preventDefault();
    go(link.pathname);
  });
}

function isOurs(path: string): boolean {
  return path === ROOT || path.startsWith(`${ROOT}/`);
}

function show(): void {
  place.value = parts(location.pathname);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
