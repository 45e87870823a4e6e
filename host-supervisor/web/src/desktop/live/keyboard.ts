// The keys that go to a live desktop, caught by a field that nobody sees. A field, because only there a browser composes
// dead keys and other scripts, and a telephone shows its keyboard.
//
//   keydown with a symbol ──▶ pressed, held until keyup, blur or the end
//   anything composed ──input──▶ typed, character by character

import { keysymsOf } from "../keysym.ts";
import { keysymOfKey } from "./keys.ts";

export interface KeySink {
  key(keysym: number, down: boolean): void;
  releaseAll(): void;
}

/** AltGr comes as left Control and right Alt on Windows, within one moment. */
const ALTGR_WITHIN_MS = 50;

export class Keyboard {
  private readonly held = new Map<string, number>();
  private controlAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly field: HTMLTextAreaElement,
    private readonly sink: KeySink,
    private readonly apple: boolean = /^(Mac|iP)/.test(navigator.platform),
  ) {
    field.addEventListener("keydown", (event) => this.down(event));
    field.addEventListener("keyup", (event) => this.up(event));
    field.addEventListener("input", (event) => {
      if (!(event instanceof InputEvent && event.isComposing)) this.typed();
    });
    field.addEventListener("compositionend", () => this.typed());
    field.addEventListener("blur", () => this.letGo());
  }

  private down(event: KeyboardEvent): void {
    if (event.isComposing || event.key === "Process") return;
    if (event.key === "AltGraph") this.undoControl(event);
    const keysym = this.symbolOf(event);
    // "Dead" and the like are left to the field, and come back as input.
    if (keysym === null) return;
    event.preventDefault();
    const held = this.held.get(event.code);
    // With another modifier the key that is still held means another symbol.
    if (held !== undefined && held !== keysym) this.sink.key(held, false);
    if (event.code === "ControlLeft" && held === undefined) this.controlAt = event.timeStamp;
    this.held.set(event.code, keysym);
    this.sink.key(keysym, true);
  }

  private up(event: KeyboardEvent): void {
    const keysym = this.held.get(event.code);
    if (keysym === undefined) return;
    event.preventDefault();
    this.held.delete(event.code);
    this.sink.key(keysym, false);
    // Apple's browsers never tell that a key was released that was pressed with Command.
    if (event.key === "Meta") this.letGo();
  }

  /** On Apple's keyboards Command is what Control is elsewhere, and Option chooses characters as AltGr does. */
  private symbolOf(event: KeyboardEvent): number | null {
    if (!this.apple) return keysymOfKey(event);
    if (event.key === "Alt") return null;
    return keysymOfKey(event.key === "Meta" ? { key: "Control", code: event.code } : event);
  }

  private undoControl(event: KeyboardEvent): void {
    const control = this.held.get("ControlLeft");
    if (control === undefined || event.timeStamp - this.controlAt > ALTGR_WITHIN_MS) return;
    this.held.delete("ControlLeft");
    this.sink.key(control, false);
  }

  private typed(): void {
    const text = this.field.value;
    this.field.value = "";
    for (const keysym of keysymsOf(text)) {
      this.sink.key(keysym, true);
      this.sink.key(keysym, false);
    }
  }

  private letGo(): void {
    this.field.value = "";
    this.held.clear();
    this.sink.releaseAll();
  }
}
