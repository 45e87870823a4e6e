// A one-time code, large enough to be typed off the screen into another device, and how long it is still good.

import type { DeviceCode } from "../api/types.ts";
import { strings } from "../strings.ts";
import { countdownAloud, countdownInWords, hasExpired } from "../words/countdown.ts";
import { answeringButton } from "./answering-button.ts";
import { copyText } from "./copy.ts";
import { element, setText } from "./element.ts";

export interface DeviceCodeView {
  readonly root: HTMLElement;
  /** Hidden while there is none. */
  update(device: DeviceCode | null, now: Date): void;
  /** A second has passed. */
  tick(now: Date): void;
}

export function deviceCode(): DeviceCodeView {
  const words = strings.device;
  const code = element("p", { class: "user-code", translate: "no" });
  const left = element("p", { class: "muted countdown", role: "timer" });
  const aloud = element("p", { class: "visually-hidden", role: "status" });
  const copy = answeringButton(words.copy, async () =>
    (await copyText(code.textContent ?? "")) ? words.copied : words.copyFailed,
  );
  copy.classList.add("primary");
  const root = element(
    "div",
    { class: "device-code", hidden: true },
    code,
    left,
    element("div", { class: "buttons" }, copy),
    aloud,
  );
  let shown: DeviceCode | null = null;
  const show = ({ userCode, expiresAt }: DeviceCode, leftMs: number): void => {
    setText(code, userCode);
    setText(left, countdownInWords(leftMs));
    left.hidden = expiresAt === null;
    root.dataset["expired"] = String(hasExpired(leftMs));
    copy.disabled = hasExpired(leftMs);
  };
  return {
    root,
    update(device, now) {
      shown = device;
      root.hidden = device === null;
      if (device !== null) return show(device, leftOf(device, now));
      setText(code, "");
      setText(aloud, "");
    },
    tick(now) {
      if (shown === null) return;
      const leftMs = leftOf(shown, now);
      show(shown, leftMs);
      // Not in `update`: what a region says is heard only if the region could be seen before.
      setText(aloud, countdownAloud(shown.userCode, leftMs));
    },
  };
}

/** Without a time it is good until the daemon says otherwise. */
function leftOf({ expiresAt }: DeviceCode, now: Date): number {
  return expiresAt === null ? Infinity : expiresAt.getTime() - now.getTime();
}
