// Keys that call the API: which there are, another one, and the end of one.

import { useState } from "preact/hooks";
import { words } from "../strings.ts";
import { copyText } from "../../view/copy.ts";
import { troubleInWords } from "../../words/trouble.ts";
import * as calls from "../calls.ts";
import { changes } from "../live.ts";
import { Act } from "../parts/act.tsx";
import { useAsked } from "../parts/asked.ts";
import { Badge } from "../parts/badge.tsx";
import { Heading } from "../parts/heading.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Ago, Until } from "../parts/time.tsx";
import { Loading, Nothing, Trouble } from "../parts/told.tsx";
import { type ApiKey, type Scope, SCOPES } from "../types.ts";

const DAY_S = 24 * 3600;
const LIVES = [30, 90, 365] as const;

const COLUMNS: readonly Column<ApiKey>[] = [
  {
    name: words.keys.name,
    cell: ({ name, id }) => (
      <>
        {name} <code class="quiet">{id}</code>
      </>
    ),
  },
  { name: words.keys.scopes, cell: ({ scopes }) => scopes.join(", ") },
  { name: words.keys.state, cell: (key) => <State of={key} /> },
  { name: words.keys.made, cell: ({ createdAt }) => <Ago at={createdAt} /> },
  {
    name: words.keys.used,
    cell: ({ lastUsedAt }) => (lastUsedAt ? <Ago at={lastUsedAt} /> : words.keys.never),
  },
  {
    name: words.keys.end,
    cell: (key) =>
      counts(key) && (
        <Act
          label={words.keys.revoke}
          act={() => calls.revokeKey(key.id)}
          confirm={{ title: words.keys.revokeTitle(key.name), text: words.keys.revokeText }}
        />
      ),
  },
];

const isOver = ({ expiresAt }: ApiKey): boolean =>
  typeof expiresAt === "string" && Date.parse(expiresAt) <= Date.now();
const isRevoked = ({ revokedAt }: ApiKey): boolean => typeof revokedAt === "string";
const counts = (key: ApiKey): boolean => !isRevoked(key) && !isOver(key);

function State({ of }: { of: ApiKey }) {
  if (isRevoked(of)) return <Badge tone="over">{words.keys.revoked}</Badge>;
  if (isOver(of)) return <Badge tone="over">{words.keys.expired}</Badge>;
  return (
    <>
      <Badge tone="good">{words.keys.valid}</Badge>{" "}
      {of.expiresAt && (
        <span class="muted">
          {words.keys.still} <Until at={of.expiresAt} />
        </span>
      )}
    </>
  );
}

export function Keys() {
  const { value, error, again } = useAsked(calls.keys, [changes.keys.value]);
  return (
    <>
      <Heading title={words.places.keys} />
      <NewKey />
      {value === null && (error === null ? <Loading /> : <Trouble error={error} again={again} />)}
      {value?.length === 0 && <Nothing>{words.keys.none}</Nothing>}
      {value && value.length > 0 && (
        <Table label={words.places.keys} rows={[...value].reverse()} columns={COLUMNS} id={({ id }) => id} />
      )}
    </>
  );
}

function NewKey() {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Scope[]>(["sessions"]);
  const [days, setDays] = useState<number | null>(90);
  const [text, setText] = useState<string | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const make = async (event: Event): Promise<void> => {
    event.preventDefault();
    setWrong(null);
    try {
      setText(await calls.makeKey(name.trim(), scopes, days === null ? null : days * DAY_S));
      setName("");
    } catch (error) {
      setWrong(troubleInWords(error));
    }
  };
  const toggle = (scope: Scope): void =>
    setScopes(scopes.includes(scope) ? scopes.filter((other) => other !== scope) : [...scopes, scope]);
  return (
    <form class="card new-key" onSubmit={(event) => void make(event)}>
      <h2>{words.keys.another}</h2>
      <div class="fields">
        <label>
          {words.keys.whose}
          <input
            value={name}
            maxLength={100}
            required
            autoComplete="off"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label>
          {words.keys.life}
          <select
            value={days === null ? "" : String(days)}
            onChange={({ currentTarget: { value } }) => setDays(value === "" ? null : Number(value))}
          >
            {LIVES.map((life) => (
              <option value={String(life)} key={life}>
                {words.keys.days(life)}
              </option>
            ))}
            <option value="">{words.keys.forEver}</option>
          </select>
        </label>
      </div>
      <fieldset>
        <legend>{words.keys.may}</legend>
        {SCOPES.map((scope) => (
          <label class="check" key={scope}>
            <input type="checkbox" checked={scopes.includes(scope)} onChange={() => toggle(scope)} />
            <span>
              <code>{scope}</code> {words.keys.scope[scope]}
            </span>
          </label>
        ))}
      </fieldset>
      {wrong !== null && (
        <p class="notice notice-error" role="alert">
          {wrong}
        </p>
      )}
      <div class="buttons">
        <button type="submit" class="primary" disabled={scopes.length === 0}>
          {words.keys.make}
        </button>
      </div>
      {text !== null && <Told text={text} forget={() => setText(null)} />}
    </form>
  );
}

/** The only time that the key's text is seen. */
function Told({ text, forget }: { text: string; forget: () => void }) {
  const [copied, setCopied] = useState(false);
  return (
    <div class="notice notice-good" role="status">
      <p>{words.keys.once}</p>
      <pre class="secret" tabIndex={0} aria-label={words.keys.text}>
        {text}
      </pre>
      <div class="buttons">
        <button type="button" onClick={() => void copyText(text).then(setCopied)}>
          {copied ? words.copied : words.copy}
        </button>
        <button type="button" onClick={forget}>
          {words.keys.noted}
        </button>
      </div>
    </div>
  );
}
