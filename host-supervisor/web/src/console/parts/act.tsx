// Buttons that have the daemon do something: they wait for its answer, and say when it was no. What cannot be undone asks first.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { words } from "../strings.ts";
import { troubleInWords } from "../../words/trouble.ts";

interface ActProps<T> {
  readonly label: string;
  readonly act: () => Promise<T>;
  readonly done?: (answer: T) => void;
  /** What is said of the answer. */
  readonly told?: (answer: T) => string;
  /** What is asked before; then it is a red button. */
  readonly confirm?: { readonly title: string; readonly text: string };
}

export function Act<T>({ label, act, done, told, confirm }: ActProps<T>) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const mounted = useRef(true);
  useEffect(
    () => () => {
      mounted.current = false;
    },
    [],
  );
  const run = async (): Promise<void> => {
    setAsking(false);
    setBusy(true);
    setWrong(null);
    setSaid(null);
    try {
      const answer = await act();
      if (mounted.current && told) setSaid(told(answer));
      done?.(answer);
    } catch (error) {
      if (mounted.current) setWrong(troubleInWords(error));
    }
    if (mounted.current) setBusy(false);
  };
  return (
    <span class="act">
      <button
        type="button"
        class={confirm ? "danger" : ""}
        // Not disabled, which would lose the focus of whoever has pressed it.
        aria-disabled={busy}
        onClick={() => !busy && (confirm ? setAsking(true) : void run())}
      >
        {busy ? words.working : label}
      </button>
      {wrong !== null && (
        <span class="act-wrong" role="alert">
          {wrong}
        </span>
      )}
      {said !== null && (
        <span class="muted" role="status">
          {said}
        </span>
      )}
      {asking && confirm && (
        <Dialog title={confirm.title} leave={() => setAsking(false)}>
          <p>{confirm.text}</p>
          <div class="buttons">
            <button type="button" class="danger" onClick={() => void run()}>
              {label}
            </button>
            <button type="button" autofocus onClick={() => setAsking(false)}>
              {words.leaveIt}
            </button>
          </div>
        </Dialog>
      )}
    </span>
  );
}

/** Modal; Escape leaves it, and the focus goes back to where it was. */
export function Dialog(props: { title: string; leave: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    const before = document.activeElement;
    shown?.showModal();
    return () => {
      shown?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} class="card dialog" aria-label={props.title} onClose={props.leave}>
      <h2>{props.title}</h2>
      {props.children}
    </dialog>
  );
}
