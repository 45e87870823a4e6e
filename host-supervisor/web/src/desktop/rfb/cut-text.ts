// Text as RFB's plain cut text carries it. By the standard that is Latin-1 (RFC 6143, 7.5.6 and 7.6.4), but x11vnc,
// the server in our guests, hands the bytes to the X selections as UTF-8, and takes them from there as such. So
// the pages send and read UTF-8, one character for each byte. Nothing changes for ASCII.

export function toCutText(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

/** Text that cannot be UTF-8 in Latin-1's clothes is taken as it is. */
export function fromCutText(text: string): string {
  if (!/[\x80-\xff]/.test(text) || /[^\0-\xff]/.test(text)) return text;
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return text;
  }
}
