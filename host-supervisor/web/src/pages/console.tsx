// The page at `/console`: what runs here, for operators and developers.

import "../../styles/console.css";
import { render } from "preact";
import { type Gate, openGate } from "../access/gate.ts";
import { ApiError } from "../api/error.ts";
import { App } from "../console/app.tsx";
import * as calls from "../console/calls.ts";
import * as live from "../console/live.ts";
import { may, myself } from "../console/myself.ts";
import { follow } from "../console/navigation.ts";
import { words } from "../console/strings.ts";
import { element } from "../view/element.ts";
import { root } from "../view/shell.ts";
import { troubleInWords } from "../words/trouble.ts";

async function openConsole(gate: Gate): Promise<void> {
  try {
    myself.value = await calls.me();
    follow();
    render(<App icon={fileOf("icon")} licences={fileOf("license")} left={() => location.reload()} />, root());
    await live.follow(may);
  } catch (error) {
    render(null, root());
    if (!gate.refused(error)) say(error);
  }
}

/** Operators may have an address of their own. */
function say(error: unknown): void {
  const elsewhere = error instanceof ApiError && error.status === 404;
  const text = elsewhere ? words.account.elsewhere : troubleInWords(error);
  root().replaceChildren(element("p", { class: "notice notice-error alone", role: "alert" }, text));
}

/** The build names its files in the head of the page. */
function fileOf(rel: "icon" | "license"): string {
  return document.querySelector<HTMLLinkElement>(`link[rel=${rel}]`)?.href ?? "";
}

void openGate((gate) => void openConsole(gate));
