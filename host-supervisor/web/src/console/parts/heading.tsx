// What stands at the top of a place: its name, and what can be done there.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { words } from "../strings.ts";

/** The focus goes here when the place has been changed, so that a screen reader says where it is. */
export function Heading({ title, children }: { title: string; children?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · ${words.product}`;
    if (moved) focusHeading();
    moved = true;
  }, [title]);
  return (
    <div class="heading">
      <h1 tabIndex={-1}>{title}</h1>
      {children && <div class="buttons">{children}</div>}
    </div>
  );
}

/** For whoever has pressed what is there no more. */
export function focusHeading(): void {
  document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
}

/** Not when the page is opened: the focus is the browser's then. */
let moved = false;
