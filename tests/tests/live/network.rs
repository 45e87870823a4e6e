//! The desktop on a bad network: one packet in twenty is lost each way, and the rest come 100 ms late.

use std::time::Duration;

use anteroom_tests::{
    Stage,
    desktop::{Desktop, Sample},
    hop::{Hop, Weather},
};
use anyhow::{Result, ensure};

/// Lines to scroll through; then a screen of text, twenty lines, a red field when all of that is there, and two lines that are
/// typed below it.
const READER: &str = r#"
line=0
while [ $line -lt 600 ]; do
  printf '\033[3%dm%d The quick brown fox jumps over the lazy dog, %d times.\033[0m\n' $((line % 5 + 2)) $line $((line * 37 % 101))
  line=$((line + 1))
done
printf '\033[2J\033[H\033[?25l'
line=0
while [ $line -lt 20 ]; do
  printf '%d Sphinx of black quartz, judge my vow; il1 O0 {[()]} %d\n' $line $((line * 7919 % 1000))
  line=$((line + 1))
done
printf '\033[41m%620s\033[0m\n' ' '
read -r typed
read -r after
printf '{"token":"t","typed":"%s","after":"%s"}' "$typed" "$after" > .told.new
mv .told.new .told
sleep 3
"#;

/// The terminal's (`XTerm` among the desktop's files).
const RED: [u8; 3] = [0xd9, 0x62, 0x6c];

const WEATHER: Weather = Weather { lost_per_mille: 50, delay: Duration::from_millis(100) };
const SCROLLED: Duration = Duration::from_secs(24);
/// In dB, between the desktop's own pixels and the video's. At rest 29.8 to 31.2 were measured, which is what half as many colours
/// as pixels leave of small text; a screen whose text cannot be read yet has 18 to 28.
const LEGIBLE: f64 = 29.0;
/// A picture that stands still for so long is no live one.
const STANDSTILL: Duration = Duration::from_secs(10);
/// How long a picture at rest may take until it is legible.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn on_a_bad_network_the_picture_stays_live_keys_arrive_and_text_becomes_legible() -> Result<()> {
    let hop = Hop::open(WEATHER).await?;
    let address = hop.address.to_string();
    let public = [("ANTEROOM_MEDIA_PUBLIC_ADDRESSES", address.as_str())];
    let Some(stage) = Stage::set("live-bad-network", READER, &public).await? else { return Ok(()) };
    hop.lead_to(stage.daemon.address);
    let page = &stage.browser.page;

    // The desktop's own pixels, by the plain picture, which takes another way.
    stage.open_plain_page().await?;
    let plain = Desktop::shown(page).await?;
    ensure!(plain.way().await? == "plain", "this page was to show the plain picture");
    plain.until_colour(RED).await?;
    let sample = plain.sample().await?;

    stage.open_page().await?;
    let desktop = Desktop::shown(page).await?;
    ensure!(desktop.way().await? == "live", "the picture is not live");
    desktop.begin_watching().await?;
    desktop.until_colour(RED).await?;
    let first = until_legible(&stage, &desktop, &sample).await?;
    stage.keep("1-first").await?;

    let typed = a_long_line();
    desktop.type_line(&typed).await?;
    let before = desktop.seen().await?;
    desktop.scroll(SCROLLED).await?;
    let scrolling = desktop.seen().await?;
    stage.keep("2-scrolled").await?;
    // The first key brings the terminal back to its end.
    desktop.press("after ").await?;
    let again = until_legible(&stage, &desktop, &sample).await?;
    let likeness = desktop.likeness(&sample).await?;
    stage.keep("3-again").await?;
    let (carried, lost) = hop.counted();
    eprintln!(
        "legible after {first:?}; {before:?} while typing; {scrolling:?} in {SCROLLED:?} of scrolling; \
         legible again after {again:?}, {likeness:.1} dB; {carried} packets carried, {lost} lost"
    );
    ensure!(lost > 100, "only {lost} packets were lost: the pictures went another way");
    ensure!(scrolling.changes.is_empty(), "the connection did not last: {:?}", scrolling.changes);
    // Few, because an emulated guest makes no more on a good network either.
    ensure!(
        scrolling.frames >= 12 && scrolling.longest_standstill < STANDSTILL,
        "the picture does not follow: {scrolling:?}"
    );
    desktop.type_line("that").await?;

    let told = stage.told().await?;
    assert_eq!(told["typed"], typed);
    assert_eq!(told["after"], "after that");
    stage.end().await
}

async fn until_legible(stage: &Stage, desktop: &Desktop<'_>, sample: &Sample) -> Result<Duration> {
    match desktop.until_like(sample, LEGIBLE, PATIENCE).await {
        Ok(time) => Ok(time),
        Err(error) => {
            stage.keep("blurred").await?;
            let stats = stage.daemon.fetch("/api/webrtc/stats").await?;
            Err(error.context(format!("the guest says: {stats:#}")))
        }
    }
}

/// Hundreds of keys, of which none is like its neighbours, so that a lost, doubled or late one shows.
fn a_long_line() -> String {
    let words =
        (0..60_u32).map(|word| format!("{}{}", char::from(b'a' + (word % 26) as u8), word * 7919 % 997));
    format!("{} für €", words.collect::<Vec<_>>().join(" "))
}
