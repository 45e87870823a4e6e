// What is done about a path to the desktop that carries nothing any more, or may soon carry nothing. Pure.
//
//   setting up ──up──▶ up ──down, failed, network changed──▶ restarting ──settled while up──▶ up
//       └─failed─▶ lost                                      │  ▲
//                                         settled while down └──┘ another restart, at last lost
//
// An ICE restart (RFC 8445 section 9) keeps the connection, and with it the picture and who has the desktop in hand; a
// connection that is lost is made anew. The desktop keeps a silent viewer for half a minute.

/** How long one restart gets until it is looked what came of it. */
export const SETTLE_MS = 4000;
/** Restarts in a row that bring nothing. */
const MOST_RESTARTS = 3;
/** Looks while the computer knows that it has no network. */
const MOST_OFFLINE_LOOKS = 6;

export type Path = "setting-up" | "up" | "down";

export interface Link {
  readonly path: Path;
  /** What was done last and has not `settled` yet. */
  readonly pending: "restart" | "look-later" | null;
  /** Since the path was last up. */
  readonly restarts: number;
  readonly offlineLooks: number;
}

export type Happened =
  /** The browser's ICE agent: packets come through; none do; it has given up. */
  | "up"
  | "down"
  | "failed"
  /** The computer has another network than before, or one again. */
  | "network-changed"
  /** `SETTLE_MS` have passed since the last deed. */
  | "settled"
  /** The desktop does not know this viewer any more. */
  | "forgotten";

/** `look-later`: come back with `settled`. */
export type Deed = "nothing" | "restart" | "look-later" | "lose";

export const NEW_LINK: Link = { path: "setting-up", pending: null, restarts: 0, offlineLooks: 0 };

export function react(link: Link, happened: Happened, online: boolean): { link: Link; deed: Deed } {
  switch (happened) {
    case "up":
      // A restart that is under way is seen to its end: it was the old path that answered, perhaps.
      return { link: { ...link, path: "up" }, deed: "nothing" };
    case "down":
      return mend({ ...link, path: link.path === "setting-up" ? "setting-up" : "down" }, online);
    case "failed":
      if (link.path === "setting-up") return { link, deed: "lose" };
      return mend({ ...link, path: "down" }, online);
    case "network-changed":
      return mend(link, online);
    case "settled": {
      const after = { ...link, pending: null };
      if (link.path === "up") return { link: { ...after, restarts: 0, offlineLooks: 0 }, deed: "nothing" };
      return mend(after, online);
    }
    case "forgotten":
      return { link, deed: "lose" };
  }
}

function mend(link: Link, online: boolean): { link: Link; deed: Deed } {
  if (link.path === "setting-up" || link.pending === "restart") return { link, deed: "nothing" };
  if (!online) {
    if (link.pending === "look-later") return { link, deed: "nothing" };
    if (link.offlineLooks >= MOST_OFFLINE_LOOKS) return { link, deed: "lose" };
    return {
      link: { ...link, pending: "look-later", offlineLooks: link.offlineLooks + 1 },
      deed: "look-later",
    };
  }
  if (link.restarts >= MOST_RESTARTS) return { link, deed: "lose" };
  return { link: { ...link, pending: "restart", restarts: link.restarts + 1 }, deed: "restart" };
}
