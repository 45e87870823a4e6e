// The connection of a live desktop: one video track in, one data channel both ways.
//
//   offer ──▶ answer ──▶ connected ──▶ first frame
//      │                     └──no packets, another network──▶ ICE restart ──▶ connected   (recovery.ts decides)
//      └──────── closed, or nothing helps ──────▶ gone

import { type FromDesktop, fromDesktop, type ToDesktop } from "./message.ts";
import { NetworkWatch } from "./network.ts";
import { type Happened, NEW_LINK, react, SETTLE_MS } from "./recovery.ts";
import { answerWith, fragmentOf } from "./restart.ts";
import type { Signalling } from "./signalling.ts";

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
  /** As it was when ICE was last begun. */
  private answer = "";
  private link = NEW_LINK;
  private readonly network = new NetworkWatch(() => this.happened("network-changed"));
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
    connection.addEventListener("iceconnectionstatechange", () => this.lookAtPath());
  }

  async connect(): Promise<void> {
    const offer = await this.connection.createOffer();
    await this.connection.setLocalDescription(offer);
    const { sdp, resource } = await this.signalling.offer(offer.sdp ?? "");
    this.resource = resource;
    if (this.over) return this.signalling.end(resource);
    this.answer = sdp;
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
    this.network.stop();
    this.connection.close();
    if (this.resource !== null) this.signalling.end(this.resource);
  }

  private look(): void {
    const state = this.connection.connectionState;
    if (state === "connected") this.events.connected();
    // What has failed is the path, of which there is word of its own, or the encryption, which nothing mends.
    const path = this.connection.iceConnectionState;
    if (state === "closed" || (state === "failed" && path !== "failed")) this.lose();
  }

  private lookAtPath(): void {
    switch (this.connection.iceConnectionState) {
      case "connected":
      case "completed":
        return this.happened("up");
      case "disconnected":
        return this.happened("down");
      case "failed":
        return this.happened("failed");
    }
  }

  private happened(happened: Happened): void {
    if (this.over) return;
    const { link, deed } = react(this.link, happened, navigator.onLine);
    this.link = link;
    if (deed === "lose") return this.lose();
    if (deed === "nothing") return;
    clearTimeout(this.patience);
    this.patience = setTimeout(() => this.happened("settled"), SETTLE_MS);
    if (deed === "restart") void this.restart().catch(() => undefined);
  }

  /** What goes wrong with it is seen when it should have settled. */
  private async restart(): Promise<void> {
    const { connection, resource } = this;
    if (resource === null) return;
    // The last one was never answered.
    if (connection.signalingState === "have-local-offer")
      await connection.setLocalDescription({ type: "rollback" });
    const offer = await connection.createOffer({ iceRestart: true });
    await connection.setLocalDescription(offer);
    const fragment = fragmentOf(offer.sdp ?? "");
    if (fragment === null) return;
    const answered = await this.signalling.restart(resource, fragment);
    if (this.over) return;
    if (answered === null) return this.happened("forgotten");
    const answer = answerWith(this.answer, answered);
    if (answer === null) return;
    this.answer = answer;
    await connection.setRemoteDescription({ type: "answer", sdp: answer });
  }

  private lose(): void {
    if (this.over) return;
    this.end();
    this.events.gone();
  }
}
