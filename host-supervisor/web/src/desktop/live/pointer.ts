// Mouse, pen, wheel and fingers on a live desktop.

import { type Point, wheelUnits } from "./geometry.ts";
import type { ToDesktop } from "./message.ts";

/** A finger that rests for so long means the right button. */
const LONG_PRESS_MS = 550;
/** And rests as long as it moves no further than this. */
const REST_PX = 10;
/** X11's numbers for the browser's buttons: left, middle, right, back, forward. */
const BUTTONS = [1, 2, 3, 8, 9];

interface Resting {
  readonly id: number;
  readonly at: Point;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class Pointer {
  private resting: Resting | null = null;

  constructor(
    surface: HTMLElement,
    private readonly pixel: (event: MouseEvent) => Point,
    private readonly send: (message: ToDesktop) => void,
    /** A mouse was pressed: the keys go to the desktop as well. */
    private readonly pressed: () => void,
  ) {
    surface.addEventListener("pointerdown", (event) => this.down(surface, event));
    surface.addEventListener("pointermove", (event) => this.move(event));
    surface.addEventListener("pointerup", (event) => this.up(event, "end"));
    surface.addEventListener("pointercancel", (event) => this.up(event, "cancel"));
    surface.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  private down(surface: HTMLElement, event: PointerEvent): void {
    event.preventDefault();
    // It is released here too when the pointer has left the picture.
    surface.setPointerCapture(event.pointerId);
    if (event.pointerType === "touch") {
      this.touch(event, "start");
      this.rest(event);
      return;
    }
    this.pressed();
    this.button(event, event.button, true);
  }

  private move(event: PointerEvent): void {
    if (event.pointerType === "touch") {
      if (this.resting?.id === event.pointerId && distance(this.resting.at, event) > REST_PX)
        this.restNoMore();
      this.touch(event, "move");
      return;
    }
    // A second button of a mouse is told as a move (Pointer Events, chorded button interactions).
    if (event.button >= 0) this.button(event, event.button, (event.buttons & maskOf(event.button)) !== 0);
    else this.send({ type: "pointer", ...this.pixel(event) });
  }

  private up(event: PointerEvent, phase: "end" | "cancel"): void {
    if (event.pointerType === "touch") {
      this.restNoMore();
      this.touch(event, phase);
      return;
    }
    if (phase === "end") this.button(event, event.button, false);
    else this.send({ type: "release-all" });
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const [dx, dy] = [wheelUnits(event.deltaX, event.deltaMode), wheelUnits(event.deltaY, event.deltaMode)];
    if (dx !== 0 || dy !== 0) this.send({ type: "wheel", dx, dy, ...this.pixel(event) });
  }

  private button(event: PointerEvent, index: number, down: boolean): void {
    const button = BUTTONS[index];
    if (button !== undefined) this.send({ type: "button", button, down, ...this.pixel(event) });
  }

  private touch(event: PointerEvent, phase: "start" | "move" | "end" | "cancel"): void {
    this.send({ type: "touch", id: event.pointerId, phase, ...this.pixel(event) });
  }

  private rest(event: PointerEvent): void {
    // A second finger is no long press of the first.
    const alone = this.resting === null;
    this.restNoMore();
    if (!alone) return;
    const timer = setTimeout(() => {
      this.resting = null;
      this.touch(event, "cancel");
      this.button(event, 2, true);
      this.button(event, 2, false);
    }, LONG_PRESS_MS);
    this.resting = { id: event.pointerId, at: { x: event.clientX, y: event.clientY }, timer };
  }

  private restNoMore(): void {
    if (this.resting) clearTimeout(this.resting.timer);
    this.resting = null;
  }
}

function distance(from: Point, event: MouseEvent): number {
  return Math.hypot(event.clientX - from.x, event.clientY - from.y);
}

/** `buttons` has right before middle, `button` the other way round. */
function maskOf(button: number): number {
  return [1, 4, 2, 8, 16][button] ?? 0;
}
