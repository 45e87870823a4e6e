// The ways to start the chosen tool's sign-in; takes no room where there is only one.

import type { Provider } from "../api/types.ts";
import { strings } from "../strings.ts";
import { radioGroup } from "./radio-group.ts";

export interface LaunchChoice {
  readonly root: HTMLElement;
  /** With what was chosen for this tool before, as long as the page lives. */
  show(provider: Provider | null): void;
  /** `null`: there is nothing to choose. */
  chosen(): string | null;
}

export function launchChoice(): LaunchChoice {
  const group = radioGroup("launch", strings.start.launch);
  const chosenBefore = new Map<string, string>();
  let providerId = "";
  group.root.hidden = true;
  group.root.addEventListener("change", () => {
    const chosen = group.chosen();
    if (chosen !== null) chosenBefore.set(providerId, chosen);
  });
  return {
    root: group.root,
    show(provider) {
      const launches = provider?.launches ?? [];
      const options =
        launches.length > 1 ? launches.map(({ id, title }) => ({ value: id, label: title })) : [];
      providerId = provider?.id ?? "";
      group.root.hidden = options.length === 0;
      group.show(options, chosenBefore.get(providerId) ?? null);
    },
    chosen: group.chosen,
  };
}
