#!/usr/bin/python3
"""A desktop over WebRTC as one makes it of a distribution's packages: GStreamer's webrtcbin, and XTest for the hands.

    webrtc.py PORT [ADDRESS]        shows DISPLAY; all of this machine's addresses when none is given

    POST /    an offer (application/sdp), answered with 201 and a complete answer: no candidates come later
    GET /     200: it can take an offer

A data channel of the offer's carries input as JSON: ["key", keysym, down], ["move", x, y], ["button", number, down]. One viewer at
a time: the next one takes the place of the last.

Anteroom is compared with it (docs/benchmarks.md), so it is set up to do well. `./setup.sh bench` installs the packages.
"""

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import gi

for library in ("Gst", "GstRtp", "GstSdp", "GstWebRTC"):
    gi.require_version(library, "1.0")
from gi.repository import GLib, Gst, GstRtp, GstSdp, GstWebRTC
from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

LONGEST_OFFER = 64 * 1024
PATIENCE_S = 10
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

# What webrtcbin asks for only when it has an offer.
LATER = ("nicesrc", "dtlsenc", "srtpenc", "sctpenc")

# Whole pictures through shared memory: with use-damage each changed rectangle is fetched through the socket instead, which costs
# more as soon as anything moves. The encoder has one thread: libvpx's wait for one another in a loop, and where the desktop wants
# the other core pictures take ten times as long with two. Nothing waits for what comes later (no look-ahead, one picture in the
# queue, where the oldest gives way), and keyframes come when the viewer asks.
PIPELINE = """
    webrtcbin name=peer bundle-policy=max-bundle latency=0
    ximagesrc use-damage=false show-pointer=true
    ! video/x-raw,framerate=30/1
    ! queue max-size-buffers=1 max-size-bytes=0 max-size-time=0 leaky=downstream
    ! videoconvert dither=none chroma-mode=none ! video/x-raw,format=I420
    ! vp8enc deadline=1 cpu-used=16 threads=1 end-usage=cbr target-bitrate=8000000 keyframe-max-dist=100000 static-threshold=100
             min-quantizer=4 max-quantizer=56 buffer-initial-size=300 buffer-optimal-size=400 buffer-size=600
    ! rtpvp8pay name=payloader picture-id-mode=15-bit mtu=1200
    ! application/x-rtp,media=video,encoding-name=VP8,{numbers}
    ! peer.
"""

# webrtcbin's own reference to its ICE agent is a floating one, which Python takes for its own: it must never give it back.
AGENTS = []


class PlayoutDelay(GstRtp.RTPHeaderExtension):
    """Says with every packet: show it as soon as it is there. Twice twelve bits of zero, and zero is what the room for them has."""

    def do_get_supported_flags(self):
        return GstRtp.RTPHeaderExtensionFlags.ONE_BYTE

    def do_get_max_size(self, _):
        return 3

    def do_write(self, *_):
        return 3

    def do_set_caps_from_attributes(self, caps):
        return self.set_caps_from_attributes_helper(caps, "")


PlayoutDelay.set_uri(PLAYOUT_DELAY)


class Hands:
    """What viewers do, done on the desktop."""

    def __init__(self):
        self.display = Display()

    def told(self, _, text):
        """Of what is no input, nothing is done."""
        try:
            match json.loads(text):
                case ["key", int(keysym), bool(down)]:
                    keycode = self.display.keysym_to_keycode(keysym)
                    if keycode:
                        xtest.fake_input(self.display, X.KeyPress if down else X.KeyRelease, keycode)
                case ["move", int(x), int(y)]:
                    xtest.fake_input(self.display, X.MotionNotify, x=x, y=y)
                case ["button", int(number), bool(down)]:
                    xtest.fake_input(self.display, X.ButtonPress if down else X.ButtonRelease, number)
            self.display.flush()
        except Exception as error:  # of a number that the protocol has no room for, python-xlib says so in many ways
            print(f"webrtc: input: {error}", file=sys.stderr)


class Viewer:
    """One connection, with a capture and an encoder of its own."""

    def __init__(self, offer, hands, address):
        outcome, description = GstSdp.SDPMessage.new_from_text(offer)
        vp8 = re.search(r"^a=rtpmap:(\d+) VP8/90000", offer, re.MULTILINE)
        if outcome != GstSdp.SDPResult.OK or not vp8:
            raise ValueError("an offer is wanted, with VP8")
        self.hands = hands
        self.offer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, description)
        self.gathered = threading.Event()
        # An answer has to use the offer's numbers.
        delay = re.search(rf"^a=extmap:(\d+) {re.escape(PLAYOUT_DELAY)}", offer, re.MULTILINE)
        numbers = f"payload={vp8[1]}" + (f",extmap-{delay[1]}=(string){PLAYOUT_DELAY}" if delay else "")
        self.pipeline = Gst.parse_launch(PIPELINE.format(numbers=numbers))
        if delay:
            extension = PlayoutDelay()
            extension.set_id(int(delay[1]))
            self.pipeline.get_by_name("payloader").emit("add-extension", extension)
        self.peer = self.pipeline.get_by_name("peer")
        if address:
            agent = self.peer.get_property("ice-agent")
            agent.emit("add-local-ip-address", address)
            AGENTS.append(agent)
        self.peer.connect("notify::ice-gathering-state", self.gathering)
        self.peer.connect("on-data-channel", self.channel_opened)
        self.bus = self.pipeline.get_bus()
        self.bus.add_signal_watch()
        self.bus.connect("message::error", self.failed)
        self.pipeline.set_state(Gst.State.READY)

    def answer(self):
        """The answer, with all candidates."""
        self.ask("set-remote-description", self.offer)
        self.pipeline.set_state(Gst.State.PLAYING)
        answered = self.ask("create-answer", None)
        reply = answered.get_reply()
        self.ask("set-local-description", reply.get_value("answer"))
        if not self.gathered.wait(PATIENCE_S):
            raise TimeoutError("no candidates were found in time")
        description = self.peer.get_property("local-description")
        return description.sdp.as_text()

    def ask(self, signal, argument):
        """Its promise, once kept. What is in it lives as long as the promise does."""
        promise = Gst.Promise.new()
        self.peer.emit(signal, argument, promise)
        if promise.wait() != Gst.PromiseResult.REPLIED:
            raise RuntimeError(f"{signal} was not answered")
        reply = promise.get_reply()
        if reply and reply.has_field("error"):
            raise ValueError(f"{signal}: {reply.get_value('error').message}")
        return promise

    def gathering(self, peer, _):
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self.gathered.set()

    def channel_opened(self, _, channel):
        channel.connect("on-message-string", self.hands.told)
        # Not here: this is a thread of the pipeline that is ended.
        channel.connect("on-close", lambda _: GLib.idle_add(self.end))

    def failed(self, _, message):
        print(f"webrtc: {message.parse_error()[0].message}", file=sys.stderr)
        self.end()

    def end(self):
        self.pipeline.set_state(Gst.State.NULL)
        if self.bus:
            self.bus.remove_signal_watch()
            self.bus = None
        return GLib.SOURCE_REMOVE


class Desktop:
    """Whoever offers last is shown it."""

    def __init__(self, address):
        self.hands, self.address = Hands(), address
        self.viewer = None
        self.turn = threading.Lock()

    def answer(self, offer):
        with self.turn:
            if self.viewer:
                self.viewer.end()
                self.viewer = None
            viewer = Viewer(offer, self.hands, self.address)
            try:
                answer = viewer.answer()
            except Exception:
                viewer.end()
                raise
            self.viewer = viewer
            return answer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.say(200, "text/plain", "ok\n")

    def do_OPTIONS(self):
        self.say(204, "text/plain", "")

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        if not 0 < length <= LONGEST_OFFER:
            return self.say(413, "text/plain", f"an offer of at most {LONGEST_OFFER} bytes is wanted\n")
        try:
            answer = self.server.desktop.answer(self.rfile.read(length).decode())
        except (ValueError, RuntimeError, TimeoutError, GLib.Error) as error:
            return self.say(400, "text/plain", f"{error}\n")
        self.say(201, "application/sdp", answer)

    def say(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        # To pages of any origin: whoever can reach it may look.
        self.send_header("access-control-allow-origin", "*")
        self.send_header("access-control-allow-headers", "content-type")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(port, address=""):
    Gst.init(None)
    Gst.parse_launch(PIPELINE.format(numbers="payload=96"))
    missing = [name for name in LATER if not Gst.ElementFactory.find(name)]
    if missing:
        sys.exit(f"webrtc: GStreamer lacks {', '.join(missing)}")
    server = ThreadingHTTPServer((address, port), Handler)
    server.desktop = Desktop(address)
    print(f"webrtc: listening on port {server.server_port}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    GLib.MainLoop().run()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(int(sys.argv[1]), *sys.argv[2:])
