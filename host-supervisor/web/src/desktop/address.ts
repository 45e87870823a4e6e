// Where a session's desktop is: at the daemon that served the page.

export interface DesktopPlace {
  readonly sessionId: string;
  /** Opens this one session where there is no cookie. */
  readonly viewToken: string | null;
  /** The WebSocket of its RFB stream. */
  readonly rfb: string;
  /** The page's address asks for noVNC (`?picture=plain`): to compare, or where the live picture is no good. */
  readonly plainOnly: boolean;
}

export function desktopPlace(page: URL, sessionId: string, viewToken: string | null): DesktopPlace {
  const address = new URL(`/api/auth/session/${encodeURIComponent(sessionId)}/vnc`, page);
  address.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  if (viewToken !== null) address.searchParams.set("token", viewToken);
  const plainOnly = page.searchParams.get("picture") === "plain";
  return { sessionId, viewToken, rfb: address.href, plainOnly };
}
