// Something that is asked of the daemon when a part of the page appears, and again when what it depends on has changed.

import { useEffect, useState } from "preact/hooks";

export interface Asked<T> {
  /** The last answer; it stays while another one is on its way. */
  readonly value: T | null;
  readonly error: unknown;
  readonly again: () => void;
}

export function useAsked<T>(ask: () => Promise<T>, dependsOn: readonly unknown[]): Asked<T> {
  const [answer, setAnswer] = useState<{ value: T | null; error: unknown }>({ value: null, error: null });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let wanted = true;
    ask().then(
      (value) => wanted && setAnswer({ value, error: null }),
      (error: unknown) => wanted && setAnswer(({ value }) => ({ value, error })),
    );
    return () => {
      wanted = false;
    };
  }, [...dependsOn, round]);
  return { ...answer, again: () => setRound((count) => count + 1) };
}
