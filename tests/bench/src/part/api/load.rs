//! Clients that behave: they start sessions, and then poll them as pages do.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{GOOD, client, victim::Victim};
use crate::report::Figure;

pub(super) const STARTERS: usize = 16;
const CONNECTIONS: usize = 200;

/// Starts so many, and returns their ids.
pub(super) async fn sessions(victim: &Victim, count: usize) -> Result<Vec<String>> {
    let mut starters = JoinSet::new();
    for starter in 0..STARTERS {
        let (base, key) = (format!("http://{}/api/auth", victim.address), victim.key.clone());
        starters.spawn(async move {
            let http = reqwest::Client::builder().tls_certs_only([]).build()?;
            let mut ids = Vec::new();
            for number in (starter..count).step_by(STARTERS) {
                let body = json!({ "userId": format!("user-{number}"), "provider": "demo" });
                let answer = http.post(format!("{base}/start")).bearer_auth(&key).json(&body).send().await?;
                let body: Value = answer.json().await?;
                let id = body["sessionId"].as_str().with_context(|| body.to_string())?;
                // Those that wait for their turn are promised memory, and there is not enough of it for so many.
                for known in ["initializing", "vm_created"] {
                    let until = format!("{base}/session/{id}?status={known}&wait=25");
                    http.get(until).bearer_auth(&key).send().await?.error_for_status()?;
                }
                ids.push(id.to_owned());
            }
            anyhow::Ok(ids)
        });
    }
    let mut ids = Vec::new();
    while let Some(of_one) = starters.join_next().await {
        ids.extend(of_one??);
    }
    Ok(ids)
}

/// What came of polling.
#[derive(Debug, Default)]
pub(super) struct Polled {
    latencies: Vec<Duration>,
    not_ok: usize,
    time: Duration,
}

/// Polls at this rate for so long.
pub(super) async fn poll(
    victim: &Victim,
    ids: &Arc<Vec<String>>,
    rate: usize,
    time: Duration,
) -> Result<Polled> {
    let mut pollers = JoinSet::new();
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        streams.push(client::connect(GOOD, victim.address).await?);
    }
    let begin = Instant::now() + Duration::from_millis(100);
    let every = Duration::from_secs(1).mul_f64(CONNECTIONS as f64 / rate as f64);
    for (poller, mut stream) in streams.into_iter().enumerate() {
        let (ids, address, key) = (Arc::clone(ids), victim.address, victim.key.clone());
        pollers.spawn(async move {
            let request = |id: &str| {
                format!(
                    "GET /api/auth/session/{id} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n"
                )
            };
            let (mut buffer, mut polled) = (Vec::with_capacity(4096), Polled::default());
            let mut due = begin + every.mul_f64(poller as f64 / CONNECTIONS as f64);
            let mut at = poller;
            while due < begin + time {
                sleep_until(due).await;
                let request = request(&ids[at % ids.len()]);
                match client::ask(&mut stream, request.as_bytes(), &mut buffer).await {
                    Ok(200) => {}
                    Ok(_) => polled.not_ok += 1,
                    Err(_) => {
                        polled.not_ok += 1;
                        stream = client::connect(GOOD, address).await?;
                    }
                }
                polled.latencies.push(due.elapsed());
                due += every;
                at += CONNECTIONS;
            }
            anyhow::Ok(polled)
        });
    }
    let mut all = Polled::default();
    while let Some(polled) = pollers.join_next().await {
        let polled = polled??;
        all.latencies.extend(polled.latencies);
        all.not_ok += polled.not_ok;
    }
    all.time = begin.elapsed();
    Ok(all)
}

/// What was seen of the daemon and by its callers meanwhile.
#[derive(Debug)]
pub(super) struct Observed {
    polled: Polled,
    /// Of a processor's time.
    share: f64,
    rss_mib: f64,
}

pub(super) async fn observed(
    victim: &Victim,
    polling: impl Future<Output = Result<Polled>>,
) -> Result<Observed> {
    let (began, before) = (Instant::now(), victim.processor()?);
    let polled = polling.await?;
    let share = (victim.processor()? - before).as_secs_f64() / began.elapsed().as_secs_f64();
    Ok(Observed { polled, share, rss_mib: victim.rss_mib()? })
}

impl Observed {
    /// How long answers took; and what else there is to tell.
    pub(super) fn figures(self, of: &str) -> (Figure, Vec<Figure>) {
        let Polled { latencies, not_ok, time } = self.polled;
        let rate = latencies.len() as f64 / time.as_secs_f64();
        let milliseconds = latencies.iter().map(|latency| latency.as_secs_f64() * 1e3).collect();
        let costs = [
            ("answered", "1/s", rate),
            ("not with 200", "answers", not_ok as f64),
            ("the daemon's processor time", "% of a core", self.share * 100.0),
            ("the daemon", "MiB", self.rss_mib),
        ];
        let cost = |(name, unit, value)| Figure::new(name, unit, vec![value]).of(of);
        (Figure::new(of, "ms", milliseconds), costs.map(cost).into())
    }
}
