// The desktop's cursor as this computer's: it follows the hand at once, however far the desktop is.

import type { Cursor } from "./message.ts";

/** A value for CSS `cursor`. */
export function cursorStyle(cursor: Cursor | null): string {
  if (cursor === null) return "none";
  const canvas = document.createElement("canvas");
  canvas.width = cursor.width;
  canvas.height = cursor.height;
  const context = canvas.getContext("2d");
  if (!context) return "default";
  context.putImageData(new ImageData(cursor.rgba, cursor.width, cursor.height), 0, 0);
  return `url(${canvas.toDataURL()}) ${cursor.x} ${cursor.y}, default`;
}
