// A few things of which one is chosen.

import { element } from "./element.ts";

export interface RadioOption {
  readonly value: string;
  readonly label: string;
}

export interface RadioGroup {
  readonly root: HTMLElement;
  /** The first is chosen if `chosen` is none of them. */
  show(options: readonly RadioOption[], chosen: string | null): void;
  /** In the place of the options. */
  say(text: string): void;
  chosen(): string | null;
}

export function radioGroup(name: string, legend: string): RadioGroup {
  const body = element("div", { class: "options" });
  const root = element("fieldset", { class: "choice" }, element("legend", {}, legend), body);
  return {
    root,
    show(options, chosen) {
      const checked = options.find(({ value }) => value === chosen) ?? options[0];
      body.replaceChildren(...options.map((option) => radio(name, option, option === checked)));
    },
    say(text) {
      body.replaceChildren(element("p", { class: "muted" }, text));
    },
    chosen: () => body.querySelector<HTMLInputElement>("input:checked")?.value ?? null,
  };
}

function radio(name: string, { value, label }: RadioOption, checked: boolean): HTMLElement {
  const input = element("input", { type: "radio", name, value, checked });
  return element("label", { class: "option" }, input, element("span", {}, label));
}
