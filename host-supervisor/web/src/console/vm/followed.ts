// One VM, kept true: its details are asked for again whenever something was seen of it.

import { useEffect, useState } from "preact/hooks";
import * as calls from "../calls.ts";
import { whileLookedAt } from "../presence.ts";
import { type Asked, useAsked } from "../parts/asked.ts";
import type { VmDetails } from "../types.ts";

/** After an answer that was none. */
const LOOK_AGAIN_MS = 3_000;

export function useVm(id: string, status: string | undefined): Asked<VmDetails> {
  const seen = useEvents(id);
  return useAsked(() => calls.vm(id), [id, status, seen]);
}

/** How many events there are: the daemon answers when there is another one. */
function useEvents(id: string): number {
  const [seen, setSeen] = useState(0);
  useEffect(() => {
    const left = new AbortController();
    let known = 0;
    void whileLookedAt(left.signal, async (signal) => {
      for (;;) {
        try {
          const { count, over } = await calls.vmEvents(id, known, signal);
          known = count;
          setSeen(count);
          if (over) return;
        } catch (error) {
          if (signal.aborted) throw error;
          await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
        }
      }
    });
    return () => left.abort();
  }, [id]);
  return seen;
}
