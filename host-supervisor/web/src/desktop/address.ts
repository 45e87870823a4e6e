// Where a session's desktop is: at the daemon that served the page.

export interface DesktopPlace {
  readonly sessionId: string;
  /** Opens this one session where there is no cookie. */
  readonly viewToken: string | null;
  /** The WebSocket of its RFB stream. */
  readonly rfb: string;
  /** The page's address asks for noVNC (`?picture=plain`): to compare, or where the live picture is no good. */
  readonly plainOnly: boolean;
  /** The page's address asks to look only (`?view=only`): nothing that is done here is sent. */
  readonly viewOnly: boolean;
}

export function desktopPlace(page: URL, sessionId: string, viewToken: string | null): DesktopPlace {
  const address = new URL(`/api/auth/session/${encodeURIComponent(sessionId)}/vnc`, page);
  address.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  if (viewToken !== null) address.searchParams.set("token", viewToken);
  const plainOnly = page.searchParams.get("picture") === "plain";
  const viewOnly = page.searchParams.get("view") === "only";
  // So that the daemon holds back what this page might send by mistake.
  if (viewOnly) address.searchParams.set("role", "viewer");
  return { sessionId, viewToken, rfb: address.href, plainOnly, viewOnly };
}
