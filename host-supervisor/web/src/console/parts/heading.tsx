// What stands at the top of a place: its name, and what can be done there.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { words } from "../strings.ts";

/** The focus goes here when the place has been changed, so that a screen reader says where it is. */
export function Heading({ title, children }: { title: string; children?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${words.product}`;
    if (moved) heading.current?.focus({ preventScroll: true });
    moved = true;
  }, [title]);
  return (
    <div class="heading">
      <h1 tabIndex={-1} ref={heading}>
        {title}
      </h1>
      {children && <div class="buttons">{children}</div>}
    </div>
  );
}

/** Not when the page is opened: the focus is the browser's then. */
let moved = false;
