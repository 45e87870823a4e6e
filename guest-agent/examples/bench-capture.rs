//! How long a frame takes and what it costs: `cargo run --release -p anteroom-agent --example bench-capture [seconds]`
//! prints a Markdown table. It starts its own Xvfb (1280 by 800), plays a scene on it, and watches that as a viewer does.

#[path = "bench-capture/scene.rs"]
mod scene;

// The program itself is a library only for its fuzz targets, so the part that is measured is compiled in here.
#[path = "../src/stream"]
#[allow(dead_code, reason = "only a viewer's side is used here")]
mod stream {
    pub(crate) mod picture;
}

use anteroom_agent as _; // brings libvpx with it

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use scene::{SCENES, Scene, Server};
use stream::picture::{Codec, Options, Picture, Studio, Viewer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(10), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let server = Server::start()?;
    println!(
        "1280x800, {} cores, load before: {}",
        std::thread::available_parallelism()?,
        std::fs::read_to_string("/proc/loadavg")?.trim()
    );
    println!();
    println!(
        "| scene | codec | frames/s | capture p50/p95 ms | convert p50/p95 ms | encode p50/p95 ms | all p50/p95 ms | CPU % of a core | kbit/s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for codec in [Codec::H264, Codec::Vp8] {
        for scene in SCENES {
            let row = runtime.block_on(measure(&server, scene, codec, Duration::from_secs(seconds)))?;
            println!("{row}");
        }
    }
    println!();
    println!("load after: {}", std::fs::read_to_string("/proc/loadavg")?.trim());
    Ok(())
}

async fn measure(
    server: &Server,
    scene: Scene,
    codec: Codec,
    time: Duration,
) -> Result<String, Box<dyn std::error::Error>> {
    let stage = server.play(scene)?;
    let studio = Studio::open(server.display(), Options::default())?;
    let mut viewer = studio.watch(codec);
    // The first picture and its refinement are not the scene's.
    collect(&mut viewer, Duration::from_secs(1)).await;
    let before = cpu_time();
    let begin = Instant::now();
    let pictures = collect(&mut viewer, time).await;
    let wall = begin.elapsed().as_secs_f64();
    let busy = (cpu_time() - before).as_secs_f64();
    drop(stage);
    Ok(row(scene, codec, &pictures, wall, busy))
}

async fn collect(viewer: &mut Viewer, time: Duration) -> Vec<Picture> {
    let until = tokio::time::Instant::now() + time;
    let mut pictures = Vec::new();
    while let Ok(Some(picture)) = tokio::time::timeout_at(until, viewer.next()).await {
        pictures.push(picture);
    }
    pictures
}

#[expect(clippy::cast_precision_loss, reason = "numbers of frames and bytes for people")]
fn row(scene: Scene, codec: Codec, pictures: &[Picture], wall: f64, busy: f64) -> String {
    let bits = pictures.iter().map(|picture| picture.data.len() * 8).sum::<usize>();
    let column = |of: &dyn Fn(&Picture) -> Duration| {
        let mut times: Vec<Duration> = pictures.iter().map(of).collect();
        times.sort_unstable();
        let at = |percent: usize| {
            times
                .get(times.len() * percent / 100)
                .map_or("–".into(), |time| format!("{:.2}", time.as_secs_f64() * 1e3))
        };
        format!("{}/{}", at(50), at(95))
    };
    format!(
        "| {scene:?} | {codec:?} | {:.1} | {} | {} | {} | {} | {:.1} | {:.0} |",
        pictures.len() as f64 / wall,
        column(&|picture| picture.cost.capture),
        column(&|picture| picture.cost.convert),
        column(&|picture| picture.cost.encode),
        column(&|picture| picture.cost.capture + picture.cost.convert + picture.cost.encode),
        busy / wall * 100.0,
        bits as f64 / wall / 1000.0,
    )
}

/// Of this process, user and system; what plays the scene is another one.
fn cpu_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF);
    let micros = usage.map_or(0, |usage| {
        let (user, system) = (usage.user_time(), usage.system_time());
        (user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec()
    });
    Duration::from_micros(micros.unsigned_abs())
}
