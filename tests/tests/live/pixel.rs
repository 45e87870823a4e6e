//! A click lands on the pixel that the person sees under the pointer, whatever size the page shows the desktop at.
//!
//! A program in the VM covers the desktop with a window of its own, in which a small white square lies, and notes the
//! coordinates of every press as the X server tells them. It speaks X's own protocol (X11R7, "X Window System Protocol",
//! chapters 8 and 11), so that nothing of ours stands between the server and what is noted.

use anteroom_tests::{Stage, desktop::Desktop};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;

/// The cover's colour.
const COVER: [u8; 3] = [0x20, 0x30, 0x80];
/// Left, top and length of the square, in pixels of the desktop.
const SQUARE: (u64, u64, u64) = (837, 411, 9);
/// Clicks in each of the two pages.
const CLICKS: (usize, usize) = (6, 6);

/// Notes so many presses, each with the root window's coordinates, and ends.
const NOTER: &str = r#"
exec perl - PRESSES <<'END'
use strict;
use Socket;
my $presses = shift;
socket(my $x, PF_UNIX, SOCK_STREAM, 0) or die $!;
connect($x, sockaddr_un("/tmp/.X11-unix/X1")) or die $!;
sub take {
  my ($length, $bytes) = (shift, "");
  while (length $bytes < $length) { sysread($x, $bytes, $length - length $bytes, length $bytes) or die "the server has gone" }
  return $bytes;
}
syswrite $x, pack("a1 x v4 x2", "l", 11, 0, 0, 0);
my ($good, $words) = unpack("C x5 v", take(8));
die "refused" unless $good == 1;
my $setup = take(4 * $words);
my ($id, $vendor, $formats) = unpack("x4 V x8 v x3 C", $setup);
my $root = unpack("V", substr($setup, 32 + 4 * int(($vendor + 3) / 4) + 8 * $formats, 4));
# CreateWindow with background-pixel, override-redirect and event-mask (ButtonPress), and MapWindow.
sub window {
  my ($id, $parent, $left, $top, $width, $height, $colour, $events) = @_;
  syswrite $x, pack("C C v V V s< s< v v v v V V V V V", 1, 0, 11, $id, $parent, $left, $top, $width, $height, 0, 0, 0, 0xa02, $colour, 1, $events);
  syswrite $x, pack("C x v V", 8, 2, $id);
}
window($id, $root, 0, 0, 4000, 3000, 0x203080, 4);
window($id + 1, $id, LEFT, TOP, LENGTH, LENGTH, 0xffffff, 0);
my @seen;
while (@seen < $presses) {
  my $event = take(32);
  my $code = unpack("C", $event) & 127;
  die "an error of the server" if $code == 0;
  push @seen, sprintf("[%d,%d]", unpack("x20 s< s<", $event)) if $code == 4;
}
open(my $told, ">", ".told.new") or die $!;
print $told '{"token":"t","presses":[' . join(",", @seen) . "]}";
close $told;
rename ".told.new", ".told";
sleep 3;
END
"#;

#[tokio::test]
async fn a_click_lands_on_the_pixel_that_is_seen_there() -> Result<()> {
    let (left, top, length) = SQUARE;
    let last = |start: u64| start + length - 1;
    let program = NOTER
        .replace("PRESSES", &(CLICKS.0 + CLICKS.1).to_string())
        .replace("LEFT", &left.to_string())
        .replace("TOP", &top.to_string())
        .replace("LENGTH", &length.to_string());
    let Some(stage) = Stage::set("live-pixel", &program, &[]).await? else { return Ok(()) };
    let page = &stage.browser.page;
    let mut meant = Vec::new();

    // The session's page shows the desktop smaller than it is. Who clicks takes it in hand, and it takes the page's shape.
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the picture is not live");
    desktop.until_colour(COVER).await?;
    meant.push(desktop.click_near((640, 400)).await?);
    let (width, height) = desktop.until_settled().await?;
    desktop.until_colour(COVER).await?;
    // At the edges, but not in the corners, which are round, and at the square.
    for pixel in [(0, 333), (width - 1, 333), (777, 0), (777, height - 1), (left + 4, top + 4)] {
        meant.push(desktop.click_near(pixel).await?);
    }
    ensure!(meant.len() == CLICKS.0);
    stage.keep("1-small").await?;

    // Pixel for pixel: the desktop has the size of the page.
    page.set_window_size(1700, 1200).await?;
    stage.open_frame_page().await?;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the frame's picture is not live");
    desktop.until_size(|width, _| width > 1400).await?;
    let (width, height) = desktop.until_settled().await?;
    desktop.until_colour(COVER).await?;
    // What counts is what the person sees: the square in a screenshot of the page.
    let seen = desktop.until_seen_white(length).await?;
    stage.keep("2-as-it-is").await?;
    for (across, down, pixel) in [
        (0, 0, (left, top)),
        (length - 1, length - 1, (last(left), last(top))),
        (length - 1, 0, (last(left), top)),
        (0, length - 1, (left, last(top))),
    ] {
        desktop.click_at(seen.0 + across, seen.1 + down).await?;
        meant.push(pixel);
    }
    for pixel in [(0, 0), (width - 1, height - 1)] {
        meant.push(desktop.click_near(pixel).await?);
    }
    ensure!(meant.len() == CLICKS.0 + CLICKS.1);
    stage.keep("3-clicked").await?;

    let told = stage.told().await.with_context(|| format!("the clicks were meant for {meant:?}"))?;
    let told: Vec<(i64, i64)> = serde_json::from_value(told["presses"].clone())?;
    let meant: Vec<(i64, i64)> = serde_json::from_value(json!(meant))?;
    assert_eq!(told[1..], meant[1..], "where the clicks were meant to land");
    // The first takes the desktop in hand, whose shape becomes the page's just then: the same spot may have another number.
    let ((x, y), (across, down)) = (told[0], meant[0]);
    ensure!((x - across).abs() <= 1 && (y - down).abs() <= 1, "the first landed on {x}, {y}");
    stage.end().await
}
