// One VM, and what one of its services says, as the daemon tells it: for as long as somebody looks at it.

import { useEffect, useState } from "preact/hooks";
import { apiErrorOf } from "../../api/error.ts";
import * as calls from "../calls.ts";
import { whileLookedAt } from "../presence.ts";
import type { VmDetails } from "../types.ts";
import { heard, type Said } from "./said.ts";

export interface Followed {
  readonly vm: VmDetails | null;
  /** By the service that was asked for; `null` until it is known. */
  readonly said: Said | null;
  readonly error: unknown;
  readonly again: () => void;
}

export function useVm(id: string, service: string | null): Followed {
  const [vm, setVm] = useState<VmDetails | null>(null);
  const [said, setSaid] = useState<Said | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const left = new AbortController();
    setSaid(null);
    setError(null);
    const listening = whileLookedAt(left.signal, async (signal) => {
      for await (const event of calls.followVm(id, service, signal)) {
        if (event.type === "log") setSaid((before) => heard(before, event.data));
        // The description says of a VM's details that they are something.
        else setVm(event.data.vm as VmDetails);
      }
    });
    listening.catch((cause: unknown) => {
      if (!left.signal.aborted) setError(apiErrorOf(cause));
    });
    return () => left.abort();
  }, [id, service, round]);
  return { vm, said, error, again: () => setRound((count) => count + 1) };
}
