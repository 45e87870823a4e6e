// The page at `/api/auth/session/{id}/novnc?token=…`: nothing but the desktop, to be put into an iframe of any site.
// There is no cookie there; the token of the address opens this one session.

import "../../styles/novnc.css";
import { ApiClient } from "../api/client.ts";
import type { ApiError } from "../api/error.ts";
import type { Session } from "../api/types.ts";
import { desktopPlace } from "../desktop/address.ts";
import { idInEmbeddedPath } from "../session/address.ts";
import { Heartbeat } from "../session/heartbeat.ts";
import { hasDesktop, hasEnded } from "../session/phase.ts";
import { SessionWatch } from "../session/watch.ts";
import { strings } from "../strings.ts";
import { DesktopFrame } from "../view/desktop-frame.ts";
import { root } from "../view/shell.ts";
import { passingTroubleInWords } from "../words/trouble.ts";

function openDesktop(id: string): void {
  const token = new URLSearchParams(location.search).get("token");
  const api = new ApiClient(token);
  const place = desktopPlace(new URL(location.href), id, token);
  const desktop = new DesktopFrame(place, "bare", () => watch.lookNow());
  root().replaceChildren(desktop.root);
  let opened = false;
  let heartbeat: Heartbeat | null = null;

  const show = ({ status, clipboard, startsAhead }: Session): void => {
    if (hasEnded(status)) {
      heartbeat?.stop();
      desktop.end(strings.desktop.gone);
    } else if (hasDesktop(status)) {
      opened = true;
      heartbeat ??= new Heartbeat(api, id);
      desktop.allowClipboard(clipboard);
      desktop.open();
    } else if (status === "initializing" && startsAhead !== null) {
      desktop.wait(strings.embedded.queued(strings.ahead(startsAhead)));
    } else if (status === "initializing" || status === "vm_created") {
      desktop.wait(strings.embedded[status]);
    }
  };
  const lose = (error: ApiError): void => {
    heartbeat?.stop();
    const gone = error.status === 404 || error.status === 410;
    desktop.end(gone ? strings.desktop.gone : strings.embedded.refused);
  };
  const trouble = (error: ApiError | null): void => {
    // The picture, if there is one, says for itself how it is.
    if (error && !opened) desktop.wait(passingTroubleInWords(error));
  };
  const events = { session: show, trouble, lost: lose };
  const watch = new SessionWatch((known) => api.session(id, known), events);
  watch.start();
}

const id = idInEmbeddedPath(location.pathname);
if (id !== null) openDesktop(id);
