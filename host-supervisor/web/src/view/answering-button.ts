// A button whose label says for a moment what came of the click.

import { button, setText } from "./element.ts";

const ANSWER_STAYS_MS = 2500;

/** `act` answers the words to show. It must not throw. */
export function answeringButton(label: string, act: () => Promise<string>): HTMLButtonElement {
  let back: ReturnType<typeof setTimeout> | undefined;
  const made = button(label, () => void click(), { "aria-live": "polite" });
  const click = async (): Promise<void> => {
    const answer = await act();
    setText(made, answer);
    clearTimeout(back);
    back = setTimeout(() => setText(made, label), ANSWER_STAYS_MS);
  };
  return made;
}
