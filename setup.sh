#!/bin/sh
# Installs what building and testing Anteroom needs on Debian or Ubuntu, and nothing that is there already.
# What running it needs (QEMU, image tools) is the business of `anteroom doctor --fix`.
#
#   setup.sh build   a linker and compilers, an assembler for the H.264 encoder, the VP8 encoder as a static library,
#                    Node.js with npm for the web page
#   setup.sh test    the same, Chromium with its driver and Firefox for the browser tests, a session bus with a client for the
#                    portal's, the GitHub CLI to sign in with, a C++ compiler for the fuzzer, and an X server with a window manager,
#                    a terminal, keyboard layouts and a program that copies and pastes; for the guests' network nft and ip,
#                    for the units of the service systemd's own checks; Python's venv for a tester of the API
#   setup.sh bench   the same, and what Anteroom is compared with: a desktop over WebRTC by GStreamer, socat, and OpenSSH's server,
#                    which is unpacked for guests and not installed: here it would listen
set -eu

want=${1:-build}
packages=
need() { # program package...
    program=$1
    shift
    command -v "$program" >/dev/null 2>&1 || packages="$packages $*"
}

command -v cargo >/dev/null 2>&1 || {
    echo "setup: no cargo in PATH; install a Rust toolchain first (https://rustup.rs)" >&2
    exit 1
}
need cc gcc libc6-dev
need c++ g++
# Without it the H.264 encoder is built all the same, but without its assembly.
need nasm nasm
# No program comes with the library; its header tells whether it is there.
[ -e /usr/include/vpx/vp8cx.h ] || packages="$packages libvpx-dev"
need node nodejs
need npm npm
case $want in
build) ;;
test | bench)
    need chromium chromium
    need chromedriver chromium-driver
    # Elsewhere it is another package, or a snap; the test that drives it is skipped there, and says so.
    if grep -q '^ID=debian$' /etc/os-release; then need firefox-esr firefox-esr; fi
    need dbus-daemon dbus
    need gdbus libglib2.0-bin
    need gh gh
    need Xvfb xvfb
    need openbox openbox
    need xterm xterm
    need setxkbmap x11-xkb-utils
    need xclip xclip
    need tmux tmux
    # /usr/sbin is not in everybody's path.
    [ -x /usr/sbin/nft ] || need nft nftables
    need ip iproute2
    need systemd-analyze systemd
    python3 -c 'import ensurepip' 2>/dev/null || packages="$packages python3-venv"
    ;;
*)
    echo "usage: setup.sh build|test|bench" >&2
    exit 2
    ;;
esac
server=$(dirname "$0")/target/bench/openssh-server
unpack=
if [ "$want" = bench ]; then
    need socat socat
    need ssh openssh-client
    need mmdebstrap mmdebstrap
    # /usr/sbin is not in everybody's path.
    [ -x /usr/sbin/mke2fs ] || need mke2fs e2fsprogs
    # Most of it is no program.
    for package in python3-gi python3-gst-1.0 python3-xlib gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
        gstreamer1.0-plugins-bad gstreamer1.0-nice gstreamer1.0-x gir1.2-gst-plugins-base-1.0 gir1.2-gst-plugins-bad-1.0; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || packages="$packages $package"
    done
    [ -x "$server/usr/sbin/sshd" ] || unpack=yes
fi

[ -n "$packages$unpack" ] || exit 0
command -v apt-get >/dev/null 2>&1 || {
    echo "setup: this is not a Debian; install by hand:$packages" >&2
    exit 1
}
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -qq
if [ -n "$packages" ]; then
    echo "setup: installing$packages"
    # shellcheck disable=SC2086 # a list of packages
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $packages >/dev/null
fi
if [ -n "$unpack" ]; then
    echo "setup: unpacking openssh-server in $server"
    mkdir -p "$server"
    fetched=$(mktemp -d)
    # As ourselves: apt's own user may not write there.
    (cd "$fetched" && apt-get download -qq -o APT::Sandbox::User=root openssh-server)
    dpkg-deb -x "$fetched"/openssh-server_*.deb "$server"
    rm -r "$fetched"
fi
