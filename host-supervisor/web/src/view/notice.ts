// A line for something that is not as it should be; takes no room while there is nothing to say.

import { element, setText } from "./element.ts";

export type NoticeTone = "error" | "quiet";

export interface Notice {
  readonly root: HTMLElement;
  show(text: string): void;
  hide(): void;
}

/** Errors interrupt a screen reader, quiet ones wait for their turn. */
export function notice(tone: NoticeTone): Notice {
  const role = tone === "error" ? "alert" : "status";
  const root = element("p", { class: `notice notice-${tone}`, role, hidden: true });
  return {
    root,
    show(text) {
      root.hidden = false;
      setText(root, text);
    },
    hide() {
      root.hidden = true;
      setText(root, "");
    },
  };
}
