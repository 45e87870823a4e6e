// What a service says, as it says it. Whoever has scrolled up to read something is left there.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { words } from "../strings.ts";
import { Loading } from "../parts/told.tsx";
import type { Said } from "./said.ts";

/** Scrolled as far as this counts as the end: browsers round. */
const END_PX = 16;

export function Log({ service, said }: { service: string; said: Said | null }) {
  const box = useRef<HTMLPreElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  useLayoutEffect(() => {
    if (atEnd) toEnd(box.current);
  }, [said, atEnd]);
  if (said === null) return <Loading />;
  const look = ({ currentTarget: { scrollTop, clientHeight, scrollHeight } }: { currentTarget: Element }) =>
    setAtEnd(scrollTop + clientHeight >= scrollHeight - END_PX);
  const goOn = (): void => {
    setAtEnd(true);
    box.current?.focus();
  };
  return (
    <div class="followed">
      <pre
        class="log"
        ref={box}
        role="log"
        aria-live="off"
        aria-label={words.vm.logOf(service)}
        tabIndex={0}
        onScroll={look}
      >
        {said.pieces.length === 0
          ? words.vm.silent
          : said.pieces.map(({ number, text }) => <span key={number}>{text}</span>)}
      </pre>
      <p class="muted">
        {atEnd ? (
          words.vm.follows
        ) : (
          <button type="button" onClick={goOn}>
            {words.vm.toEnd}
          </button>
        )}
      </p>
    </div>
  );
}

function toEnd(box: HTMLElement | null): void {
  if (box) box.scrollTop = box.scrollHeight;
}
