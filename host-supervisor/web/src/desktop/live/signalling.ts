// Offer and answer by WHEP (RFC 9725's sibling for playing): one POST, PATCH for another network, and DELETE at the end.
//
// No candidate is sent: the daemon answers whoever shows the name that it gave, from wherever that comes. So there is
// nothing to trickle, and the answer is one round trip away.

const ANSWER_WITHIN_MS = 10_000;

export interface Answer {
  readonly sdp: string;
  /** Where this viewer is ended. */
  readonly resource: string;
}

export class Signalling {
  constructor(
    private readonly sessionId: string,
    private readonly viewToken: string | null,
    private readonly viewOnly: boolean,
  ) {}

  async iceServers(): Promise<RTCIceServer[]> {
    const response = await this.fetch(this.addressed(`/api/webrtc/session/${this.id}/ice-servers`), {
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    if (!response.ok) return [];
    const body: unknown = await response.json();
    const servers = typeof body === "object" && body !== null ? Reflect.get(body, "iceServers") : null;
    return Array.isArray(servers) ? (servers as RTCIceServer[]) : [];
  }

  async offer(sdp: string): Promise<Answer> {
    const role = this.viewOnly ? "?role=viewer" : "";
    const response = await this.fetch(this.addressed(`/api/webrtc/session/${this.id}/whep${role}`), {
      method: "POST",
      headers: { "content-type": "application/sdp", accept: "application/sdp" },
      body: sdp,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const resource = response.headers.get("location");
    if (!response.ok || resource === null) throw new Error(`the offer was answered with ${response.status}`);
    return { sdp: await response.text(), resource };
  }

  /** The fragment that answers an ICE restart; `null` when this viewer is not known any more. */
  async restart(resource: string, fragment: string): Promise<string | null> {
    const response = await this.fetch(this.addressed(resource), {
      method: "PATCH",
      headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": "*" },
      body: fragment,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    if (response.status === 404 || response.status === 410) return null;
    if (!response.ok) throw new Error(`the restart was answered with ${response.status}`);
    return response.text();
  }

  /** Also while the page is being left. */
  end(resource: string): void {
    void this.fetch(this.addressed(resource), { method: "DELETE", keepalive: true }).catch(() => undefined);
  }

  private fetch(path: string, call: RequestInit): Promise<Response> {
    return fetch(path, { ...call, credentials: this.viewToken === null ? "same-origin" : "omit" });
  }

  private get id(): string {
    return encodeURIComponent(this.sessionId);
  }

  private addressed(path: string): string {
    if (this.viewToken === null || path.includes("token=")) return path;
    return `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(this.viewToken)}`;
  }
}
