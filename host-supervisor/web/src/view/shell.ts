// What every page but the embedded desktop has around its content.

import { strings } from "../strings.ts";
import { element } from "./element.ts";

export function shell(...content: readonly Node[]): HTMLElement[] {
  const mark = element("img", { src: fileOf("icon"), alt: "", width: 24, height: 24 });
  const home = element("a", { href: "/", class: "wordmark" }, mark, strings.product);
  const licences = element("a", { href: fileOf("license") }, strings.licences);
  const places = element(
    "nav",
    { "aria-label": strings.places },
    element("a", { href: "/console" }, strings.console),
  );
  return [
    element("header", { class: "bar" }, home, places),
    element("main", { class: "page" }, ...content),
    element("footer", { class: "foot" }, licences),
  ];
}

/** For a frame of another site, which has a header of its own. */
export function bareShell(...content: readonly Node[]): HTMLElement[] {
  return [element("main", { class: "page" }, ...content)];
}

/** The build names its files in the head of the page. */
function fileOf(rel: "icon" | "license"): string | null {
  return document.querySelector<HTMLLinkElement>(`link[rel=${rel}]`)?.href ?? null;
}

/** The element that the HTML gives to the scripts. */
export function root(): HTMLElement {
  const found = document.getElementById("app");
  if (!found) throw new Error("this page has no element #app");
  return found;
}
