// An amount of data for people: 7 bytes, 1.5 KiB, 12.0 MiB.

const UNITS = ["KiB", "MiB", "GiB", "TiB"];

export function bytesInWords(bytes: number): string {
  if (bytes < 1024) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  let amount = bytes / 1024;
  let unit = 0;
  while (amount >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${amount.toFixed(1)} ${UNITS[unit]}`;
}
