// Lets somebody without a mouse leave the desktop, which takes every key, Tab too: left Ctrl and left Alt pressed
// together and released, with no other key between, as in other viewers of virtual machines.

export type LeaveState = "idle" | "held" | "spoiled";

export interface LeaveKey {
  readonly type: "keydown" | "keyup";
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
}

const MODIFIERS = ["ControlLeft", "AltLeft"];

/** The next state, and whether the desktop is to be left now. */
export function leaveStep(state: LeaveState, key: LeaveKey): { state: LeaveState; leave: boolean } {
  const allReleased = key.type === "keyup" && !key.ctrlKey && !key.altKey;
  if (allReleased) return { state: "idle", leave: state === "held" && MODIFIERS.includes(key.code) };
  if (!MODIFIERS.includes(key.code)) return { state: "spoiled", leave: false };
  if (state === "idle" && key.type === "keydown" && key.ctrlKey && key.altKey) {
    return { state: "held", leave: false };
  }
  return { state, leave: false };
}

export function onLeaveKeys(host: HTMLElement, leave: () => void): void {
  let state: LeaveState = "idle";
  const step = (event: KeyboardEvent): void => {
    const { type, code, ctrlKey, altKey } = event;
    const next = leaveStep(state, { type: type as LeaveKey["type"], code, ctrlKey, altKey });
    state = next.state;
    // After noVNC has seen the release, or the desktop would keep the keys pressed.
    if (next.leave) setTimeout(leave, 0);
  };
  host.addEventListener("keydown", step, { capture: true });
  host.addEventListener("keyup", step, { capture: true });
}
