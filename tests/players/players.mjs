// Players of WHEP that others have written, as one script for a page: `players` is its global name.

export { WebRTCPlayer } from "@eyevinn/webrtc-player";
export { WHEPClient } from "whip-whep/whep.js";
