// The path of a file to download, beside a terminal that takes every key but one chord: Ctrl+Shift+S comes here, Escape goes back.

import { letterOf } from "../desktop/shortcut.ts";
import { strings } from "../strings.ts";
import { element } from "./element.ts";

/** Longer ones no file system takes (PATH_MAX, in bytes). */
const MAX_CHARS = 4096;

export interface DownloadForm {
  readonly root: HTMLElement;
  focus(): void;
}

/** `leave` when whoever is here wants back. */
export function downloadForm(wanted: (path: string) => void, leave: () => void): DownloadForm {
  const words = strings.terminal.download;
  const field = element("input", {
    id: "download-path",
    type: "text",
    placeholder: words.path,
    title: words.keys,
    autocomplete: "off",
    autocapitalize: "none",
    autocorrect: "off",
    spellcheck: "false",
    maxlength: MAX_CHARS,
    required: true,
  });
  const root = element(
    "form",
    { class: "download-form" },
    element("label", { for: "download-path", class: "visually-hidden" }, words.path),
    field,
    element("button", { type: "submit", title: words.keys }, words.start),
  );
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    wanted(field.value);
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
  });
  return {
    root,
    focus() {
      field.focus();
      field.select();
    },
  };
}

/** Whether this key press in the terminal is meant for the form. */
export function asksForDownload(press: KeyboardEvent): boolean {
  return press.ctrlKey && press.shiftKey && !press.altKey && !press.metaKey && letterOf(press) === "s";
}
