// What a person brings back from a browser of their own, and which call takes it.

/**
 * `address`: where the browser could not go on, to be replayed to the tool. `code`: a code, or the address of the page that
 * shows one, to be typed into the terminal.
 */
export interface Pasted {
  readonly kind: "address" | "code";
  readonly text: string;
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
/** Address bars hide the scheme, and a selection that stops at what is visible has none. */
const WITHOUT_SCHEME = /^(localhost|127\.0\.0\.1|\[::1\])[:/]/i;

export function readPasted(pasted: string): Pasted {
  const text = pasted.trim();
  const address = WITHOUT_SCHEME.test(text) ? `http://${text}` : text;
  return isOnLoopback(address) ? { kind: "address", text: address } : { kind: "code", text };
}

function isOnLoopback(text: string): boolean {
  try {
    const { protocol, hostname } = new URL(text);
    return (protocol === "http:" || protocol === "https:") && LOOPBACK.includes(hostname);
  } catch {
    return false;
  }
}
