// The texts of an ICE restart by WHEP (RFC 9725 section 4.3.3): credentials there, credentials back.

/** What is sent for an offer that restarts ICE; `null` when it has no credentials. */
export function fragmentOf(offer: string): string | null {
  const [ufrag, password] = [attribute(offer, "ice-ufrag"), attribute(offer, "ice-pwd")];
  if (ufrag === null || password === null) return null;
  return `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${password}\r\n`;
}

/** The answer of before with the credentials and candidates of a fragment; `null` when that has none. */
export function answerWith(answer: string, fragment: string): string | null {
  const [ufrag, password] = [attribute(fragment, "ice-ufrag"), attribute(fragment, "ice-pwd")];
  if (ufrag === null || password === null) return null;
  const candidates = linesOf(fragment).filter((line) => line.startsWith("a=candidate:"));
  let placed = false;
  const lines = linesOf(answer).flatMap((line) => {
    if (line.startsWith("a=ice-ufrag:")) return [`a=ice-ufrag:${ufrag}`];
    if (line.startsWith("a=ice-pwd:")) return [`a=ice-pwd:${password}`];
    if (line.startsWith("a=candidate:")) {
      if (placed) return [];
      placed = true;
      return candidates;
    }
    return [line];
  });
  return lines.map((line) => `${line}\r\n`).join("");
}

function attribute(text: string, name: string): string | null {
  const start = `a=${name}:`;
  const line = linesOf(text).find((candidate) => candidate.startsWith(start));
  return line === undefined ? null : line.slice(start.length).trim();
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== "");
}
