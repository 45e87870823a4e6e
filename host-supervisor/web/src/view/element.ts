// Makes DOM elements in one expression. Text always becomes a text node, never markup.

export type Attributes = Readonly<Record<string, string | number | boolean | null>>;
export type Child = Node | string | null;

/** `true` writes an empty attribute, `false` and `null` none. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function button(label: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", onClick);
  return made;
}

/** Writes only a change, so that a screen reader does not say the same again. */
export function setText(target: Node, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
