// The quiet row of steps: what is done, what is under way, where it stopped.

import { strings } from "../strings.ts";
import { element, setText } from "./element.ts";

export type StepState = "done" | "current" | "stopped" | "ahead";

export interface Progress {
  readonly root: HTMLElement;
  /** `step`: the one under way; their count when all are done. `stopped`: it got no further. */
  update(step: number, stopped: boolean): void;
}

export function progress(): Progress {
  const steps = strings.progress.steps.map((name) => {
    const state = element("span", { class: "visually-hidden" });
    const item = element("li", {}, element("span", { class: "step-name" }, name), state);
    return { item, state };
  });
  const items = steps.map(({ item }) => item);
  return {
    root: element("ol", { class: "progress", "aria-label": strings.progress.label }, ...items),
    update(step, stopped) {
      steps.forEach(({ item, state }, index) => {
        const is = stepState(index, step, stopped);
        item.dataset["state"] = is;
        setText(state, is === "ahead" ? "" : `, ${strings.progress[is]}`);
        if (is === "current") item.setAttribute("aria-current", "step");
        else item.removeAttribute("aria-current");
      });
    },
  };
}

export function stepState(index: number, step: number, stopped: boolean): StepState {
  if (index < step) return "done";
  if (index > step) return "ahead";
  return stopped ? "stopped" : "current";
}
