//! How the desktop feels in the page, and what that costs: live (WebRTC), by x11vnc, websockify and noVNC, and by GStreamer's
//! WebRTC, on the same desktop in one run.
//!
//! ```text
//!  this program ──WebDriver──▶ Chromium: a key goes down ──▶ daemon ──▶ guest ──▶ the terminal shows it
//!                                  └─ every frame: have the picture's pixels changed? ◀── pictures ──┘
//! ```
//! With VMs, and without one (`ANTEROOM_BIN=target/release/anteroom-bare`), because emulation distorts; GStreamer only without.
//! All are looked at with the same eyes: what the page shows, once for each of its own frames, which come at 60 Hz. A number of
//! frames is that of frames in which a part of the picture was another one.

mod eyes;
mod gstreamer;
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
use anyhow::{Context as _, Result, anyhow, bail};
use eyes::Eyes;
use gstreamer::GStreamer;

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
const DEFINITION: &str = include_str!("stream/provider.toml");
const PAGE: [u8; 3] = [250, 240, 200];

/// In which they take turns at the keys: whatever disturbs the machine disturbs all.
const ROUNDS: usize = 3;
/// Of the live picture: where an emulated guest answers too late for the page, that shows the other one.
const TRIES: usize = 4;
/// How long each workload is watched.
const WATCHED: Duration = Duration::from_secs(8);
/// A key that was pressed, until the page in the guest has it.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Live,
    Plain,
    GStreamer,
}

impl Way {
    const ALL: [Self; 3] = [Self::Live, Self::Plain, Self::GStreamer];

    fn name(self) -> &'static str {
        match self {
            Self::Live => "WebRTC",
            Self::Plain => "noVNC",
            Self::GStreamer => "GStreamer",
        }
    }

    /// What its page calls it.
    fn attribute(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Plain => "plain",
            Self::GStreamer => "gstreamer",
        }
    }

    /// The guest's services that a viewer of this kind keeps busy, besides the X server.
    fn services(self) -> &'static [&'static str] {
        match self {
            Self::Live => &["stream"],
            Self::Plain => &["x11vnc", "websockify"],
            Self::GStreamer => &[],
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
    gstreamer: Option<GStreamer>,
}

pub(crate) async fn measure(Arguments { keys }: Arguments) -> Result<Report> {
    let mut report = Report::new("stream");
    if let Some(program) = Browser::missing() {
        bail!("{program} is missing (./setup.sh test installs it)");
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
    let x_server = meter::of_bare_service(&vm, "xvfb").first().copied();
    let gstreamer = match x_server {
        Some(x_server) => GStreamer::before(x_server).await,
        None => Err(anyhow!("the guest is a VM, whose X server cannot be reached from here")),
    };
    if let Err(why) = &gstreamer {
        report.note(format!("GStreamer's WebRTC is left out: {why:#}."));
    }
    let bench = Bench { daemon, browser, counter, session, vm, gstreamer: gstreamer.ok() };
    let typing = bench.typing(x_server, keys).await?;
    let mut costs = bench.costs().await?;
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
    /// Those that can be measured here.
    fn ways(&self) -> Vec<Way> {
        let here = |way: &Way| *way != Way::GStreamer || self.gstreamer.is_some();
        Way::ALL.into_iter().filter(here).collect()
    }

    /// From a key to pixels, in milliseconds; of the display alone where it can be reached.
    async fn typing(&self, x_server: Option<u32>, keys: usize) -> Result<Vec<(&'static str, Vec<f64>)>> {
        let mut typing = Vec::new();
        if let Some(x_server) = x_server {
            self.open(Way::Live).await?.until_colour(TERMINAL).await?;
            self.browser.page.goto("about:blank").await?;
            typing.push(("X server and terminal alone", own::latencies_ms(x_server, keys)?));
        }
        let mut pressed: Vec<_> = self.ways().into_iter().map(|way| (way, Vec::new())).collect();
        for _ in 0..ROUNDS {
            for (way, latencies) in &mut pressed {
                let desktop = self.open(*way).await?;
                desktop.until_colour(TERMINAL).await?;
                let eyes = Eyes::of(&self.browser.page);
                // What comes first pays for what is made once.
                let measured = async {
                    eyes.latencies_ms(5).await?;
                    eyes.latencies_ms(keys.div_ceil(ROUNDS)).await
                };
                match measured.await {
                    Ok(measured) => latencies.extend(measured),
                    Err(error) => {
                        self.browser.screenshot(&artefact("bench-stream-failed.png")).await?;
                        return Err(error.context(way.name()));
                    }
                }
            }
        }
        typing.extend(pressed.into_iter().map(|(way, latencies)| (way.name(), latencies)));
        Ok(typing)
    }

    async fn costs(&self) -> Result<Vec<(&'static str, Way, Cost)>> {
        let mut costs = Vec::new();
        for (nth, way) in self.ways().into_iter().rev().enumerate() {
            let desktop = self.open(way).await?;
            let eyes = Eyes::of(&self.browser.page);
            if nth == 0 {
                eyes.press("Enter").await?;
                desktop.until_colour(PAGE).await?;
                // The browser has things to do after its first page.
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
            desktop.until_colour(PAGE).await?;
            // And a picture is sharpened.
            tokio::time::sleep(Duration::from_secs(5)).await;
            costs.push(("idle", way, self.cost(way, async |_| Ok(())).await?));
            let scrolls = async |eyes: Eyes<'_>| eyes.scroll(WATCHED).await;
            costs.push(("a web page scrolls", way, self.cost(way, scrolls).await?));
            eyes.press("v").await?;
            tokio::time::sleep(ON_ITS_WAY).await;
            costs.push(("a film, 640x360", way, self.cost(way, async |_| Ok(())).await?));
            eyes.press("s").await?;
            tokio::time::sleep(ON_ITS_WAY).await;
        }
        Ok(costs)
    }

    async fn open(&self, way: Way) -> Result<Desktop<'_>> {
        let own = format!("http://{}/session/{}", self.counter.address, self.session);
        let url = match (way, &self.gstreamer) {
            (Way::Live, _) => own,
            (Way::Plain, _) => own + "?picture=plain",
            (Way::GStreamer, other) => other.as_ref().context("GStreamer's server")?.url(),
        };
        let page = &self.browser.page;
        for _ in 0..TRIES {
            page.goto(&url).await?;
            let desktop = Desktop::shown(page).await?;
            if desktop.way().await? == way.attribute() {
                return Ok(desktop);
            }
            page.goto("about:blank").await?;
        }
        bail!("the page does not show the desktop by {}", way.name())
    }

    /// Watches for [`WATCHED`], while `work` goes on.
    async fn cost(&self, way: Way, work: impl AsyncFn(Eyes<'_>) -> Result<()>) -> Result<Cost> {
        let mut guest = meter::descendants(self.daemon.pid());
        let mut sender: Vec<u32> =
            way.services().iter().flat_map(|service| meter::of_bare_service(&self.vm, service)).collect();
        if way == Way::GStreamer {
            // It would run in the guest.
            let other = self.gstreamer.as_ref().and_then(GStreamer::pid);
            sender.extend(other);
            guest.extend(other);
        }
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
        match way {
            Way::Plain => return Ok(self.counter.bytes()),
            Way::GStreamer => {
                let ask = "window.bytesReceived().then(arguments[0]);";
                let received = self.browser.page.execute_async(ask, vec![]).await?;
                return received.as_u64().context("a number of bytes");
            }
            Way::Live => {}
        }
        let stats = self.daemon.fetch("/api/webrtc/stats").await?;
        let peers = stats["stats"]["guests"][0]["peers"].as_array().context("the guest's viewers")?;
        Ok(peers.iter().filter_map(|peer| peer["sent_bytes"].as_u64()).sum())
    }
}

impl Cost {
    fn figures(&self, workload: &str, way: Way) -> Vec<Figure> {
        let core = "% of a core";
        let values = [
            ("pictures", "frames/s", Some(self.frames_per_second)),
            ("bandwidth", "kbit/s", Some(self.kilobits_per_second)),
            ("sending", core, self.sender),
            ("the guest, sending with it", core, Some(self.guest)),
            ("the daemon", core, Some(self.daemon)),
        ];
        let figure = |(what, unit, value): (&str, &'static str, Option<f64>)| {
            Some(Figure::new(format!("{workload}: {what}"), unit, vec![value?]).of(way.name()))
        };
        values.into_iter().filter_map(figure).collect()
    }
}
