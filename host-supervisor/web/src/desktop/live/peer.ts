// The connection of a live desktop: one video track in, one data channel both ways.
//
//   offer ──▶ answer ──▶ connected ──▶ first frame
//      └──────── failed, closed, or disconnected for too long ──────▶ gone

import { type FromDesktop, fromDesktop, type ToDesktop } from "./message.ts";
import type { Signalling } from "./signalling.ts";

/** A network that is away for a moment comes back by itself. */
const DISCONNECTED_MS = 3000;
/** A desktop that is slow to read must not fill this page's memory. */
const MAX_UNSENT_BYTES = 2 * 1024 * 1024;
/** Of one message, where the browser does not say. */
const MAX_MESSAGE_BYTES = 64 * 1024;

export interface PeerEvents {
  track(stream: MediaStream): void;
  message(message: FromDesktop): void;
  /** Packets come through. */
  connected(): void;
  gone(): void;
}

export class Peer {
  private readonly connection: RTCPeerConnection;
  private readonly channel: RTCDataChannel;
  private resource: string | null = null;
  private over = false;
  private patience: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly signalling: Signalling,
    iceServers: RTCIceServer[],
    private readonly events: PeerEvents,
  ) {
    const connection = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.connection = connection;
    this.channel = connection.createDataChannel("desk", { ordered: true });
    this.channel.addEventListener("message", (event) => {
      const message = fromDesktop(event.data);
      if (message && !this.over) events.message(message);
    });
    this.channel.addEventListener("close", () => this.lose());
    const { receiver } = connection.addTransceiver("video", { direction: "recvonly" });
    // A desktop is no film: the newest picture counts, not the smoothest sequence.
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    connection.addEventListener("track", ({ streams, track }) =>
      events.track(streams[0] ?? new MediaStream([track])),
    );
    connection.addEventListener("connectionstatechange", () => this.look());
  }

  async connect(): Promise<void> {
    const offer = await this.connection.createOffer();
    await this.connection.setLocalDescription(offer);
    const { sdp, resource } = await this.signalling.offer(offer.sdp ?? "");
    this.resource = resource;
    if (this.over) return this.signalling.end(resource);
    await this.connection.setRemoteDescription({ type: "answer", sdp });
  }

  /** Whether it is on its way. */
  send(message: ToDesktop): boolean {
    if (this.channel.readyState !== "open" || this.channel.bufferedAmount > MAX_UNSENT_BYTES) return false;
    const bytes = new TextEncoder().encode(JSON.stringify(message));
    if (bytes.length > (this.connection.sctp?.maxMessageSize ?? MAX_MESSAGE_BYTES)) return false;
    this.channel.send(JSON.stringify(message));
    return true;
  }

  get isConnected(): boolean {
    return this.connection.connectionState === "connected";
  }

  stats(): Promise<RTCStatsReport> {
    return this.connection.getStats();
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.patience);
    this.connection.close();
    if (this.resource !== null) this.signalling.end(this.resource);
  }

  private look(): void {
    clearTimeout(this.patience);
    const state = this.connection.connectionState;
    if (state === "connected") this.events.connected();
    if (state === "failed" || state === "closed") this.lose();
    else if (state === "disconnected") this.patience = setTimeout(() => this.lose(), DISCONNECTED_MS);
  }

  private lose(): void {
    if (this.over) return;
    this.end();
    this.events.gone();
  }
}
