// From a point of the page to a pixel of the desktop, and how far a wheel was turned.

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * The pixel of a desktop that is shown in a box as large as fits, in the middle (CSS `object-fit: contain`). A point
 * beside the picture becomes the nearest pixel of its edge.
 */
export function pixelAt(point: Point, box: Box, desktop: Size): Point {
  const scale = Math.min(box.width / desktop.width, box.height / desktop.height);
  if (!(scale > 0)) return { x: 0, y: 0 };
  const left = box.left + (box.width - desktop.width * scale) / 2;
  const top = box.top + (box.height - desktop.height * scale) / 2;
  const within = (value: number, size: number): number =>
    Math.min(Math.max(Math.floor(value / scale), 0), size - 1);
  return { x: within(point.x - left, desktop.width), y: within(point.y - top, desktop.height) };
}

/** What browsers take for one notch of a wheel, in each of their units (DOM, `WheelEvent.deltaMode`). */
const NOTCH_PX = 100;
const NOTCH_LINES = 3;
/** In 1/120 of a notch, as the kernel's and Windows' high-resolution wheels count. */
const NOTCH = 120;

export function wheelUnits(delta: number, deltaMode: number): number {
  const notches = deltaMode === 0 ? delta / NOTCH_PX : deltaMode === 1 ? delta / NOTCH_LINES : delta;
  return Math.round(notches * NOTCH);
}

/** What the desktop's windows are laid out for. In less room it is shown smaller instead of being smaller. */
const LEAST: Size = { width: 1280, height: 800 };

/** The desktop that a box of this size is to have: the same shape, and never too small to work in. */
export function desktopFor(box: Size): Size {
  const grow = Math.max(1, LEAST.width / box.width, LEAST.height / box.height);
  return { width: even(box.width * grow), height: even(box.height * grow) };
}

/** Video has half as many colours as pixels in each direction. */
function even(length: number): number {
  return Math.floor(length / 2) * 2;
}
