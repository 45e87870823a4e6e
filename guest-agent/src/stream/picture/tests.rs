//! Against a real X server; the report says so when this machine has none.

mod server;

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{
    canvas::Canvas,
    encoder::tests::{
        decoder::{Decoded, Decoder},
        packed, psnr,
    },
    planes::Planes,
    screen::Screen,
    tiles::Tiles,
    *,
};
use server::Server;

const CODECS: [Codec; 2] = [Codec::H264, Codec::Vp8];
/// What the issue promises for a picture that rests.
const NEARLY_LOSSLESS_DB: f64 = 45.0;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

async fn frame(viewer: &mut Viewer) -> Picture {
    soon(viewer.next()).await.expect("the camera runs")
}

fn studio(server: &Server) -> Arc<Studio> {
    Studio::open(server.display(), Options::default()).unwrap()
}

/// What the screen shows now, without any codec.
fn shown(server: &Server) -> Decoded {
    let screen = Screen::open(server.display()).unwrap();
    let mut planes = Planes::new(screen.size());
    let (mut canvas, mut changed) = (Canvas::new(screen.size()), Tiles::none(screen.size()));
    let all = Tiles::all(screen.size()).areas();
    assert!(screen.read(&all, |area, bytes| canvas.update(area, bytes, &mut changed)).unwrap());
    for area in all {
        planes.convert(area, canvas.pixels(), canvas.stride()).unwrap();
    }
    packed(&planes)
}

/// The colour of a pixel of the page's kind, by the formulas of BT.601 (ITU-R BT.601-7, section 2.5), limited range.
fn bt601([red, green, blue]: [f64; 3]) -> [f64; 3] {
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    [
        16.0 + luma * 219.0 / 255.0,
        128.0 + (blue - luma) / 1.772 * 224.0 / 255.0,
        128.0 + (red - luma) / 1.402 * 224.0 / 255.0,
    ]
}

fn colour(picture: &Decoded, x: usize, y: usize) -> [u8; 3] {
    let half = picture.width / 2 * (y / 2) + x / 2;
    [picture.planes[0][picture.width * y + x], picture.planes[1][half], picture.planes[2][half]]
}

#[tokio::test]
async fn a_painted_window_comes_out_of_the_decoder_in_its_colour() {
    let Some(server) = Server::start() else { return };
    server.fill(0xd0_4020, 100, 60, 300, 200);
    for codec in CODECS {
        let studio = studio(&server);
        let mut viewer = studio.watch(codec);
        let seen = Decoder::new(codec).decode(&frame(&mut viewer).await.data);
        assert_eq!((seen.width, seen.height), (1280, 800));
        let [inside, outside] = [colour(&seen, 250, 160), colour(&seen, 700, 500)];
        for (seen, wanted) in inside.iter().zip(bt601([208.0, 64.0, 32.0])) {
            assert!((f64::from(*seen) - wanted).abs() <= 4.0, "{codec:?}: {inside:?}");
        }
        assert!(outside[0].abs_diff(16) <= 4, "{codec:?}: {outside:?}");
    }
}

/// The brightest of where an arrow would be.
fn brightest(picture: &Decoded, (x, y): (i16, i16)) -> u8 {
    let at = |start: i16| usize::try_from(start).unwrap();
    let rows = (at(y)..at(y) + 16).map(|row| &picture.planes[0][picture.width * row + at(x)..][..12]);
    rows.flatten().copied().max().unwrap()
}

#[tokio::test]
async fn a_film_shows_where_the_pointer_is_and_not_where_it_was() {
    let Some(server) = Server::start() else { return };
    server.fill(0x00_0080, 0, 0, 1280, 800);
    let options = Options { pointer: PointerShown::Drawn, ..Options::default() };
    let studio = Studio::open(server.display(), options).unwrap();
    let (mut viewer, mut decoder) = (studio.watch(Codec::Vp8), Decoder::new(Codec::Vp8));
    let (here, there) = ((300, 200), (900, 600));
    for (now, before) in [(here, there), (there, here)] {
        server.pointer_at(now.0, now.1);
        loop {
            let seen = decoder.decode(&frame(&mut viewer).await.data);
            if brightest(&seen, now) > 150 && brightest(&seen, before) < 60 {
                break;
            }
        }
    }
    let page = Studio::open(server.display(), Options::default()).unwrap();
    let seen = Decoder::new(Codec::Vp8).decode(&frame(&mut page.watch(Codec::Vp8)).await.data);
    assert!(brightest(&seen, there) < 60, "a page draws its own");
}

#[tokio::test]
async fn a_picture_that_rests_becomes_nearly_lossless_and_then_costs_nothing() {
    let Some(server) = Server::start() else { return };
    for codec in CODECS {
        let studio = studio(&server);
        let (mut viewer, mut decoder) = (studio.watch(codec), Decoder::new(codec));
        decoder.decode(&frame(&mut viewer).await.data);
        server.fill(0xff_ffff, 0, 0, 1280, 800);
        server.page_of_text();
        let painted = Instant::now();
        let wanted = shown(&server);
        let (mut qualities, mut frames) = (Vec::new(), 0);
        let reached = loop {
            let picture = frame(&mut viewer).await;
            let arrived = painted.elapsed();
            frames += 1;
            qualities.push(psnr(&decoder.decode(&picture.data), &wanted));
            if qualities.last().is_some_and(|quality| *quality > NEARLY_LOSSLESS_DB) {
                break arrived;
            }
        };
        println!("{codec:?}: {reached:?}, {frames} frames, {qualities:.1?} dB");
        let more = timeout(Duration::from_millis(700), viewer.next()).await;
        assert!(more.is_err(), "{codec:?}: a frame of a picture that rests");
    }
}

#[tokio::test]
async fn without_a_viewer_there_is_neither_thread_nor_connection() {
    let Some(server) = Server::start() else { return };
    let before = server.clients();
    let studio = studio(&server);
    assert_eq!((Arc::strong_count(&studio), server.clients()), (1, before));
    for codec in CODECS {
        let mut viewer = studio.watch(codec);
        frame(&mut viewer).await;
        assert_eq!(server.clients(), before + 1);
        drop(viewer);
        // The camera's thread holds the studio until it is gone.
        soon(async {
            while Arc::strong_count(&studio) > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        soon(async {
            while server.clients() > before {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_newcomer_gets_a_key_frame_and_so_does_who_asks() {
    let Some(server) = Server::start() else { return };
    server.page_of_text();
    let studio = studio(&server);
    for codec in CODECS {
        let mut first = studio.watch(codec);
        assert!(frame(&mut first).await.key);
        let mut second = studio.watch(codec);
        let picture = frame(&mut second).await;
        assert!(picture.key);
        Decoder::new(codec).decode(&picture.data);
        second.ask_for_keyframe();
        while !frame(&mut second).await.key {}
    }
}

#[tokio::test]
async fn two_codecs_are_watched_at_once() {
    let Some(server) = Server::start() else { return };
    let studio = studio(&server);
    let mut viewers = CODECS.map(|codec| (studio.watch(codec), Decoder::new(codec)));
    server.fill(0xff_ffff, 0, 0, 1280, 800);
    for (viewer, decoder) in &mut viewers {
        soon(async {
            loop {
                let seen = decoder.decode(&frame(viewer).await.data);
                if colour(&seen, 640, 400)[0] > 225 {
                    break;
                }
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_screen_that_changes_its_size_goes_on_with_a_key_frame() {
    let Some(server) = Server::start() else { return };
    for codec in CODECS {
        let studio = studio(&server);
        let mut viewer = studio.watch(codec);
        let before = Decoder::new(codec).decode(&frame(&mut viewer).await.data);
        let (width, height) = if before.width == 1280 { (1024, 700) } else { (1280, 800) };
        server.resize(width, height);
        let picture = soon(async {
            loop {
                let picture = frame(&mut viewer).await;
                if picture.key {
                    break picture;
                }
            }
        })
        .await;
        let after = Decoder::new(codec).decode(&picture.data);
        assert_eq!((after.width, after.height), (width.into(), height.into()));
    }
}

#[tokio::test]
async fn the_pointer_is_not_in_the_picture() {
    let Some(server) = Server::start() else { return };
    server.fill(0xff_ffff, 0, 0, 1280, 800);
    server.move_pointer(640, 400);
    for codec in CODECS {
        let studio = studio(&server);
        let mut viewer = studio.watch(codec);
        let seen = Decoder::new(codec).decode(&frame(&mut viewer).await.data);
        let darkest = (620..660).flat_map(|x| (380..420).map(move |y| (x, y)));
        let darkest = darkest.map(|(x, y)| colour(&seen, x, y)[0]).min().unwrap();
        assert!(darkest > 225, "{codec:?}: {darkest}");
    }
}

#[tokio::test]
async fn who_lags_is_brought_back_by_a_key_frame() {
    let Some(server) = Server::start() else { return };
    let studio = studio(&server);
    let mut slow = studio.watch(Codec::Vp8);
    let mut fast = studio.watch(Codec::Vp8);
    assert!(frame(&mut slow).await.key);
    let mut seen = 0;
    for colour in (0..).map(|step| step * 0x10_2030) {
        server.fill(colour & 0xff_ffff, 0, 0, 64, 64);
        frame(&mut fast).await;
        seen += 1;
        if seen > 20 {
            break;
        }
    }
    let picture = soon(slow.next()).await.unwrap();
    assert!(picture.key);
}

#[tokio::test]
async fn the_lowest_bitrate_of_all_viewers_counts() {
    const SLOW: u32 = 400_000;
    let Some(server) = Server::start() else { return };
    let studio = studio(&server);
    let (mut viewer, slow) = (studio.watch(Codec::Vp8), studio.watch(Codec::Vp8));
    slow.set_bitrate(SLOW);
    frame(&mut viewer).await;
    let (begin, mut bits, mut shift) = (Instant::now(), 0, 0);
    while begin.elapsed() < Duration::from_secs(2) {
        // Text on stripes of changing colours; at 8 Mbit/s it takes all of that.
        for stripe in 0..20_i16 {
            server.fill(
                (0x1f_3b59 * (shift + u32::from(stripe.unsigned_abs()))) & 0xff_ffff,
                0,
                stripe * 40,
                1280,
                23,
            );
        }
        shift += 1;
        if let Ok(Some(picture)) = timeout(Duration::from_millis(50), viewer.next()).await {
            bits += picture.data.len() * 8;
        }
    }
    // What is owed at the end is not carried yet: a few frames.
    let carried = f64::from(SLOW) * (begin.elapsed().as_secs_f64() + 1.0);
    assert!(f64::from(u32::try_from(bits).unwrap()) < carried, "{bits} bits in {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_display_that_dies_ends_the_viewer() {
    let Some(server) = Server::start() else { return };
    let studio = studio(&server);
    let mut viewer = studio.watch(Codec::H264);
    frame(&mut viewer).await;
    drop(server);
    soon(async { while viewer.next().await.is_some() {} }).await;
    assert!(soon(studio.watch(Codec::H264).next()).await.is_none());
}

#[test]
fn a_display_that_is_not_there_is_an_error() {
    assert!(matches!(Studio::open(":4093", Options::default()), Err(StudioError::Display { .. })));
}
