// Shown in the place of a page's content when the daemon asks who this is.

import type { ApiClient } from "../api/client.ts";
import { ApiError } from "../api/error.ts";
import { strings } from "../strings.ts";
import { element } from "../view/element.ts";
import { notice } from "../view/notice.ts";
import { troubleInWords } from "../words/trouble.ts";

export function signInForm(api: ApiClient, signedIn: () => void): HTMLElement {
  const words = strings.access;
  const wrong = notice("error");
  const key = element("input", {
    id: "key",
    name: "key",
    type: "password",
    autocomplete: "current-password",
    spellcheck: "false",
    required: true,
  });
  const submit = element("button", { type: "submit", class: "primary" }, words.submit);
  const form = element(
    "form",
    { class: "card sign-in", novalidate: true },
    element("h1", {}, words.title),
    element("p", { class: "muted" }, words.explanation),
    element("label", { for: "key" }, words.key),
    key,
    wrong.root,
    submit,
  );
  const send = async (): Promise<void> => {
    const value = key.value.trim();
    if (value === "") {
      wrong.show(words.emptyKey);
      key.focus();
      return;
    }
    wrong.hide();
    submit.disabled = true;
    submit.textContent = words.working;
    try {
      await api.login(value);
      signedIn();
    } catch (error) {
      wrong.show(isRefusal(error) ? words.wrongKey : troubleInWords(error));
      key.select();
    } finally {
      submit.disabled = false;
      submit.textContent = words.submit;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
  return form;
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && (error.kind === "unauthorized" || error.status === 403);
}
