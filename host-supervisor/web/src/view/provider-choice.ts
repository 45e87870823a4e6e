// The tools to choose from.

import type { Provider } from "../api/types.ts";
import { strings } from "../strings.ts";
import { radioGroup } from "./radio-group.ts";

export interface ProviderChoice {
  readonly root: HTMLElement;
  show(providers: readonly Provider[], chosenId: string | null): void;
  chosen(): string | null;
}

export function providerChoice(changed: () => void): ProviderChoice {
  const group = radioGroup("provider", strings.start.provider);
  group.say(strings.start.loadingProviders);
  group.root.addEventListener("change", changed);
  return {
    root: group.root,
    show(providers, chosenId) {
      if (providers.length === 0) group.say(strings.start.noProviders);
      else {
        group.show(
          providers.map(({ id, name }) => ({ value: id, label: name })),
          chosenId,
        );
      }
    },
    chosen: group.chosen,
  };
}
