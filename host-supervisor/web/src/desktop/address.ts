// Where a session's RFB stream is: a WebSocket of the daemon that served the page.

export function desktopAddress(page: URL, sessionId: string, viewToken: string | null): string {
  const address = new URL(`/api/auth/session/${encodeURIComponent(sessionId)}/vnc`, page);
  address.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  if (viewToken !== null) address.searchParams.set("token", viewToken);
  return address.href;
}
