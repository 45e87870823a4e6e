// The button that ends a sign-in, and the question before it: a wrong click would throw a VM away.

import { strings } from "../strings.ts";
import { button, element } from "./element.ts";
import { notice } from "./notice.ts";

export interface CancelButton {
  readonly root: HTMLElement;
  hide(): void;
}

/** `cancel` answers what went wrong in words, or `null`. */
export function cancelButton(cancel: () => Promise<string | null>): CancelButton {
  const words = strings.cancel;
  const wrong = notice("error");
  const keep = button(words.keep, () => dialog.close(), { autofocus: true });
  const confirm = button(words.confirm, () => void send(), { class: "danger" });
  const dialog = element(
    "dialog",
    { "aria-labelledby": "cancel-title", "aria-describedby": "cancel-explanation" },
    element("h2", { id: "cancel-title" }, words.title),
    element("p", { id: "cancel-explanation" }, words.explanation),
    wrong.root,
    element("div", { class: "buttons" }, keep, confirm),
  );
  const ask = button(words.button, () => {
    wrong.hide();
    dialog.showModal();
  });
  const send = async (): Promise<void> => {
    confirm.disabled = true;
    confirm.textContent = words.working;
    const trouble = await cancel();
    confirm.disabled = false;
    confirm.textContent = words.confirm;
    if (trouble === null) dialog.close();
    else wrong.show(trouble);
  };
  const root = element("div", { class: "cancel" }, ask, dialog);
  return {
    root,
    hide() {
      dialog.close();
      root.hidden = true;
    },
  };
}
