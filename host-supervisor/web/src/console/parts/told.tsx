// What a person is told about something that was asked for: that it comes, that there is nothing, that it failed.

import type { ComponentChildren } from "preact";
import { words } from "../strings.ts";
import { asSentence, troubleInWords } from "../../words/trouble.ts";
import type { Failure } from "../types.ts";

export function Loading() {
  return (
    <p class="muted told" role="status">
      {words.loading}
    </p>
  );
}

export function Nothing({ children }: { children: ComponentChildren }) {
  return <p class="muted told">{children}</p>;
}

export function Trouble({ error, again }: { error: unknown; again?: () => void }) {
  return (
    <div class="notice notice-error told" role="alert">
      <p>{troubleInWords(error)}</p>
      {again && (
        <button type="button" onClick={again}>
          {words.again}
        </button>
      )}
    </div>
  );
}

/** Why something has failed, with what it said last. */
export function Failed({ failure }: { failure: Failure }) {
  const lines = failure.detail_lines ?? [];
  return (
    <div class="notice notice-error">
      <p>
        {asSentence(failure.message)} <code class="quiet">{failure.code}</code>
      </p>
      {lines.length > 0 && (
        <details>
          <summary>{words.details}</summary>
          <pre class="log">{lines.join("\n")}</pre>
        </details>
      )}
    </div>
  );
}
