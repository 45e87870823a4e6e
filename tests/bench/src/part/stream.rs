//! How the desktop feels in the page, and what that costs: live (WebRTC) and by x11vnc, websockify and noVNC, on the same desktop
//! in one run.
//!
//! ```text
//!  this program ──WebDriver──▶ Chromium: a key goes down ──▶ daemon ──▶ guest ──▶ the terminal shows it
//!                                  └─ every frame: have the picture's pixels changed? ◀── pictures ──┘
//! ```
//! With VMs, and without one (`ANTEROOM_BIN=target/release/anteroom-bare`), because emulation distorts. Both ways are looked at with the same eyes: what the page shows, once for each of
//! its own frames, which come at 60 Hz. A number of frames is that of frames in which a part of the picture was another one.

mod eyes;
mod own;

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use anteroom_tests::{
    Daemon, Turn, artefact,
    browser::Browser,
    daemon::Options,
    desktop::{Desktop, TERMINAL},
    meter::{self, Counter},
};
use anyhow::{Context as _, Result, ensure};
use eyes::Eyes;

use crate::{
    plot::Plot,
    report::{Figure, Report},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many keys are pressed.
    #[arg(default_value_t = 60)]
    keys: usize,
}

/// A terminal that shows what is typed; after Enter, a browser with a long page and a film in it.
const DEFINITION: &str = r#"
id = "bench"
name = "Benchmark"
[launch.browser]
argv = ["anteroom-demo", "run", "sh", "-c", """
read -r typed
cat > page.html <<'END'
<!doctype html><title>Benchmark</title>
<style>
body { margin: 0; background: rgb(250, 240, 200); font: 16px sans-serif }
p { margin: 1em; column-width: 20em }
canvas { position: fixed; left: 50%; top: 50%; transform: translate(-50%, -50%); display: none }
</style>
<canvas width=640 height=360></canvas>
<script>
for (let line = 0; line < 4000; line++) {
  const text = document.createElement('p');
  text.textContent = `${line} ` + 'The quick brown fox jumps over the lazy dog. '.repeat(3 + line % 5);
  text.style.color = `hsl(${line * 37 % 360} 60% 30%)`;
  document.body.append(text);
}
const canvas = document.querySelector('canvas'), film = canvas.getContext('2d');
let on = false;
const draw = (now) => {
  if (!on) return;
  for (let row = 0; row < 9; row++) for (let column = 0; column < 16; column++) {
    film.fillStyle = `hsl(${(now / 8 + row * 23 + column * 11) % 360} 70% ${40 + 20 * Math.sin(now / 300 + column)}%)`;
    film.fillRect(column * 40, row * 40, 40, 40);
  }
  film.beginPath();
  film.arc(320 + 250 * Math.cos(now / 400), 180 + 120 * Math.sin(now / 300), 40, 0, 7);
  film.fillStyle = 'white';
  film.fill();
  requestAnimationFrame(draw);
};
addEventListener('keydown', ({ key }) => {
  if (key !== 'v') return;
  on = !on;
  canvas.style.display = on ? 'block' : 'none';
  if (on) requestAnimationFrame(draw);
});
</script>
END
/usr/lib/anteroom/browser "file://$PWD/page.html"
sleep 3600
"""]
[[url]]
host = "bench.example"
path = "/"
kind = "ticket"
dedupe = "code"
[[credential]]
path = ".bench"
require = ["token"]
"#;
const PAGE: [u8; 3] = [250, 240, 200];

/// How long each workload is watched.
const WATCHED: Duration = Duration::from_secs(8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Live,
    Plain,
}

impl Way {
    const BOTH: [Self; 2] = [Self::Live, Self::Plain];

    fn name(self) -> &'static str {
        match self {
            Self::Live => "WebRTC",
            Self::Plain => "noVNC",
        }
    }

    /// The guest's services that a viewer of this kind keeps busy, besides the X server.
    fn services(self) -> &'static [&'static str] {
        match self {
            Self::Live => &["stream"],
            Self::Plain => &["x11vnc", "websockify"],
        }
    }
}

/// What a workload took.
#[derive(Debug)]
struct Cost {
    frames_per_second: f64,
    kilobits_per_second: f64,
    /// Of one core, in per cent.
    sender: Option<f64>,
    guest: f64,
    daemon: f64,
}

struct Bench {
    daemon: Daemon,
    browser: Browser,
    counter: Counter,
    session: String,
    vm: String,
}

pub(crate) async fn measure(Arguments { keys }: Arguments) -> Result<Report> {
    let mut report = Report::new("stream");
    if let Some(program) = Browser::missing() {
        anyhow::bail!("{program} is missing (./setup.sh test installs it)");
    }
    let _turn = Turn::take()?;
    let providers = tempfile::tempdir()?;
    fs::write(providers.path().join("bench.toml"), DEFINITION)?;
    let environment =
        BTreeMap::from([("ANTEROOM_PROVIDERS_DIR".to_owned(), providers.path().display().to_string())]);
    let daemon = Daemon::start("bench-stream", "dev", Options { environment, config: None }).await?;
    let counter = Counter::before(daemon.address).await?;
    let session = daemon.start_session("bench", "bench").await?;
    let ready = daemon.wait_for(&session, &["ready", "awaiting_user_auth"]).await?;
    let vm = ready["vm_id"].as_str().context("the session names its VM")?.to_owned();
    let browser = Browser::open().await?;
    browser.page.goto(&format!("http://{}/#key={}", counter.address, daemon.key)).await?;
    browser.page.wait().for_element(fantoccini::Locator::Css("[name=provider]")).await?;
    let bench = Bench { daemon, browser, counter, session, vm };

    let mut typing = Vec::new();
    if let Some(x_server) = meter::of_bare_service(&bench.vm, "xvfb").first() {
        bench.open(Way::Live).await?.until_colour(TERMINAL).await?;
        bench.browser.page.goto("about:blank").await?;
        typing.push(("X server and terminal alone", own::latencies_ms(*x_server, keys)?));
    }
    for way in Way::BOTH {
        let desktop = bench.open(way).await?;
        desktop.until_colour(TERMINAL).await?;
        let eyes = Eyes::of(&bench.browser.page);
        // What comes first pays for what is made once.
        let measured = async {
            eyes.latencies_ms(5).await?;
            eyes.latencies_ms(keys).await
        };
        match measured.await {
            Ok(latencies) => typing.push((way.name(), latencies)),
            Err(error) => {
                bench.browser.screenshot(&artefact("bench-stream-failed.png")).await?;
                return Err(error.context(way.name()));
            }
        }
    }
    let mut costs = Vec::new();
    for way in Way::BOTH.into_iter().rev() {
        let desktop = bench.open(way).await?;
        let eyes = Eyes::of(&bench.browser.page);
        if way == Way::Plain {
            eyes.press("Enter").await?;
        }
        desktop.until_colour(PAGE).await?;
        // The browser has things to do after its first page, and a picture is sharpened.
        tokio::time::sleep(Duration::from_secs(5)).await;
        costs.push(("idle", way, bench.cost(way, async |_| Ok(())).await?));
        costs.push((
            "a web page scrolls",
            way,
            bench.cost(way, async |eyes| eyes.scroll(WATCHED).await).await?,
        ));
        eyes.press("v").await?;
        costs.push(("a film, 640x360", way, bench.cost(way, async |_| Ok(())).await?));
        eyes.press("v").await?;
    }
    bench.browser.close().await?;
    bench.daemon.stop().await?;
    let figure = |(name, ms): (&str, _)| Figure::new("key to pixels", "ms", ms).of(name);
    let latencies: Vec<Figure> = typing.into_iter().map(figure).collect();
    let plot = Plot {
        title: "From a key to the page's pixels".to_owned(),
        logarithmic: false,
        figures: latencies.clone(),
    };
    report.plot("stream", plot);
    report.spreads("from a key to the page's pixels", latencies);
    costs.sort_by_key(|(workload, way, _)| (*workload, *way));
    let figures = costs.iter().flat_map(|(workload, way, cost)| cost.figures(workload, *way));
    report.side_by_side("what it takes", figures.collect());
    Ok(report)
}

impl Bench {
    async fn open(&self, way: Way) -> Result<Desktop<'_>> {
        let picture = if way == Way::Plain { "?picture=plain" } else { "" };
        let page = &self.browser.page;
        page.goto(&format!("http://{}/session/{}{picture}", self.counter.address, self.session)).await?;
        let desktop = Desktop::shown(page).await?;
        let expected = if way == Way::Plain { "plain" } else { "live" };
        ensure!(desktop.way().await? == expected, "the picture is not {expected}");
        Ok(desktop)
    }

    /// Watches for [`WATCHED`], while `work` goes on.
    async fn cost(&self, way: Way, work: impl AsyncFn(Eyes<'_>) -> Result<()>) -> Result<Cost> {
        let guest = meter::descendants(self.daemon.pid());
        let sender: Vec<u32> =
            way.services().iter().flat_map(|service| meter::of_bare_service(&self.vm, service)).collect();
        let daemon = [self.daemon.pid()];
        let used = || [&sender[..], &guest, &daemon].map(meter::processor_time);
        let (before, sent, begun) = (used(), self.sent(way).await?, Instant::now());
        let eyes = Eyes::of(&self.browser.page);
        eyes.begin_counting().await?;
        work(eyes).await?;
        tokio::time::sleep(WATCHED.saturating_sub(begun.elapsed())).await;
        let frames = eyes.counted().await?;
        let (after, seconds) = (used(), begun.elapsed().as_secs_f64());
        let [sender_share, guest_share, daemon_share] =
            [0, 1, 2].map(|of| (after[of] - before[of]).as_secs_f64() / seconds * 100.0);
        #[expect(clippy::cast_precision_loss, reason = "of seconds")]
        let bits = (self.sent(way).await? - sent) as f64 * 8.0;
        Ok(Cost {
            frames_per_second: frames / seconds,
            kilobits_per_second: bits / seconds / 1000.0,
            sender: (!sender.is_empty()).then_some(sender_share),
            guest: guest_share,
            daemon: daemon_share,
        })
    }

    /// Bytes to the viewer, so far.
    async fn sent(&self, way: Way) -> Result<u64> {
        if way == Way::Plain {
            return Ok(self.counter.bytes());
        }
        let stats = self.daemon.fetch("/api/webrtc/stats").await?;
        let peers = stats["stats"]["guests"][0]["peers"].as_array().context("the guest's viewers")?;
        Ok(peers.iter().filter_map(|peer| peer["sent_bytes"].as_u64()).sum())
    }
}

impl Cost {
    fn figures(&self, workload: &str, way: Way) -> Vec<Figure> {
        let values = [
            ("frames/s", Some(self.frames_per_second)),
            ("kbit/s", Some(self.kilobits_per_second)),
            ("% of a core, sending", self.sender),
            ("% of a core, the guest", Some(self.guest)),
            ("% of a core, the daemon", Some(self.daemon)),
        ];
        let figure = |(unit, value): (&'static str, Option<f64>)| {
            Some(Figure::new(format!("{workload}, {unit}"), unit, vec![value?]).of(way.name()))
        };
        values.into_iter().filter_map(figure).collect()
    }
}
