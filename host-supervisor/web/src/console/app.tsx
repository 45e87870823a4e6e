// The frame around every place: where one can go, and which place is shown.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { logOut } from "./calls.ts";
import { connected } from "./live.ts";
import { may, myself } from "./myself.ts";
import { address, place } from "./navigation.ts";
import { Act } from "./parts/act.tsx";
import { Heading } from "./parts/heading.tsx";
import { Nothing } from "./parts/told.tsx";
import { Audit } from "./places/audit.tsx";
import { Keys } from "./places/keys.tsx";
import { Overview } from "./places/overview.tsx";
import { Prompts } from "./places/prompts.tsx";
import { Providers } from "./places/providers.tsx";
import { OneSession } from "./places/session.tsx";
import { Sessions } from "./places/sessions.tsx";
import { Settings } from "./places/settings.tsx";
import { SnapshotsAndPool } from "./places/snapshots.tsx";
import { OneVm } from "./places/vm.tsx";
import { Vms } from "./places/vms.tsx";
import { Webhook } from "./places/webhook.tsx";
import { words } from "./strings.ts";
import type { Scope } from "./types.ts";

interface Place {
  /** In the address; the first place has none. */
  readonly path: string;
  readonly name: string;
  /** One of them opens it. */
  readonly scopes: readonly Scope[];
  readonly list: () => ComponentChildren;
  readonly one?: (id: string) => ComponentChildren;
}

const PLACES: readonly Place[] = [
  { path: "", name: words.places.overview, scopes: ["admin", "sessions"], list: () => <Overview /> },
  {
    path: "sessions",
    name: words.places.sessions,
    scopes: ["sessions"],
    list: () => <Sessions />,
    one: (id) => <OneSession key={id} id={id} />,
  },
  {
    path: "vms",
    name: words.places.vms,
    scopes: ["vms"],
    list: () => <Vms />,
    one: (id) => <OneVm key={id} id={id} />,
  },
  { path: "prompts", name: words.places.prompts, scopes: ["prompts"], list: () => <Prompts /> },
  { path: "providers", name: words.places.providers, scopes: ["admin"], list: () => <Providers /> },
  { path: "snapshots", name: words.places.snapshots, scopes: ["admin"], list: () => <SnapshotsAndPool /> },
  { path: "keys", name: words.places.keys, scopes: ["admin"], list: () => <Keys /> },
  { path: "webhook", name: words.places.webhook, scopes: ["admin"], list: () => <Webhook /> },
  { path: "audit", name: words.places.audit, scopes: ["admin"], list: () => <Audit /> },
  { path: "settings", name: words.places.settings, scopes: ["admin"], list: () => <Settings /> },
];

export function App({ icon, licences, left }: { icon: string; licences: string; left: () => void }) {
  const [first = "", id, ...rest] = place.value;
  const open = PLACES.filter(({ scopes }) => scopes.some(may));
  const shown = open.find(({ path }) => path === first);
  const places = useRef<HTMLElement>(null);
  useEffect(() => {
    // In a narrow window the places are a strip that is longer than the screen.
    const show = (): void =>
      places.current?.querySelector("[aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
    show();
    addEventListener("resize", show);
    return () => removeEventListener("resize", show);
  }, [first]);
  return (
    <>
      <a class="skip" href="#content">
        {words.skip}
      </a>
      <header class="side">
        <a class="wordmark" href="/">
          <img src={icon} alt="" width={24} height={24} />
          {words.product}
        </a>
        <nav aria-label={words.places.label} ref={places}>
          <ul>
            {open.map(({ path, name }) => (
              <li key={path}>
                <a
                  href={path === "" ? address() : address(path)}
                  aria-current={shown?.path === path ? (id === undefined ? "page" : "true") : undefined}
                >
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="account">
          <span class="muted">{words.account.as(myself.value?.name ?? "")}</span>
          <Act label={words.account.leave} act={logOut} done={left} />
        </div>
      </header>
      <main id="content" class="page" tabIndex={-1}>
        {!connected.value && (
          <p class="notice notice-quiet" role="status">
            {words.account.interrupted}
          </p>
        )}
        {open.length === 0 ? <Nothing>{words.account.nothing}</Nothing> : contentOf(shown, id, rest)}
        <footer class="foot">
          <a href="/api/docs">{words.documentation}</a> <a href={licences}>{words.licences}</a>
        </footer>
      </main>
    </>
  );
}

function contentOf(
  shown: Place | undefined,
  id: string | undefined,
  rest: readonly string[],
): ComponentChildren {
  if (shown && id === undefined) return shown.list();
  if (shown?.one && id !== undefined && rest.length === 0) return shown.one(id);
  return (
    <>
      <Heading title={words.unknownPlace.title} />
      <Nothing>{words.unknownPlace.text}</Nothing>
    </>
  );
}
