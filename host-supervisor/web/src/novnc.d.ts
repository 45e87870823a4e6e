// The part of noVNC's interface (its docs/API.md) that we use; the package ships no types.

declare module "@novnc/novnc" {
  export interface RfbEvents {
    connect: CustomEvent<Record<string, never>>;
    disconnect: CustomEvent<{ clean: boolean }>;
    clipboard: CustomEvent<{ text: string }>;
  }

  export default class RFB {
    constructor(target: HTMLElement, url: string, options?: { shared?: boolean });

    background: string;
    scaleViewport: boolean;
    clipViewport: boolean;
    dragViewport: boolean;
    showDotCursor: boolean;
    viewOnly: boolean;

    disconnect(): void;
    focus(options?: FocusOptions): void;
    clipboardPasteFrom(text: string): void;
    /** Presses and releases the key unless `down` is given. */
    sendKey(keysym: number, code: string, down?: boolean): void;

    addEventListener<K extends keyof RfbEvents>(type: K, listener: (event: RfbEvents[K]) => void): void;
  }
}
