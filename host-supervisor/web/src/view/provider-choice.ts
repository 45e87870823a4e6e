// The tools to choose from, as a group of radio buttons.

import type { Provider } from "../api/types.ts";
import { strings } from "../strings.ts";
import { element } from "./element.ts";

export interface ProviderChoice {
  readonly root: HTMLElement;
  show(providers: readonly Provider[], chosenId: string | null): void;
  chosen(): string | null;
}

export function providerChoice(): ProviderChoice {
  const options = element(
    "div",
    { class: "options" },
    element("p", { class: "muted" }, strings.start.loadingProviders),
  );
  const root = element(
    "fieldset",
    { class: "provider-choice" },
    element("legend", {}, strings.start.provider),
    options,
  );
  return {
    root,
    show(providers, chosenId) {
      const chosen = providers.find(({ id }) => id === chosenId) ?? providers[0];
      options.replaceChildren(
        ...(providers.length === 0
          ? [element("p", { class: "muted" }, strings.start.noProviders)]
          : providers.map((provider) => option(provider, provider === chosen))),
      );
    },
    chosen: () => options.querySelector<HTMLInputElement>("input:checked")?.value ?? null,
  };
}

function option(provider: Provider, checked: boolean): HTMLElement {
  const radio = element("input", { type: "radio", name: "provider", value: provider.id, checked });
  return element("label", { class: "option" }, radio, element("span", {}, provider.name));
}
