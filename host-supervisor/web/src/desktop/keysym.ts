// X11 key symbols (X.Org's "X Window System Protocol", appendix A) for the keys that we press by ourselves.

export const Keysym = {
  BackSpace: 0xff08,
  Tab: 0xff09,
  Return: 0xff0d,
  Escape: 0xff1b,
  Insert: 0xff63,
  Control: 0xffe3,
  Alt: 0xffe9,
} as const;

/** The key symbol that types this character, `null` for one that no key types. */
export function keysymOf(character: string): number | null {
  const codePoint = character.codePointAt(0) ?? 0;
  if (character === "\n") return Keysym.Return;
  if (character === "\t") return Keysym.Tab;
  if (codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0)) return null;
  // Latin-1 has its own code points as symbols, everything else the Unicode range.
  return codePoint <= 0xff ? codePoint : 0x0100_0000 + codePoint;
}

/** The key symbols that type a text, in order. */
export function keysymsOf(text: string): number[] {
  const characters = Array.from(text.replace(/\r\n?/g, "\n"));
  return characters.map(keysymOf).filter((keysym) => keysym !== null);
}
