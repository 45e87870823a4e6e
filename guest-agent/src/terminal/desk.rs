//! The terminal's line to the oauth role: orders come in, reports go out, and a role that was restarted is found again.

use std::time::Duration;

use futures_util::StreamExt;
use hyper::Method;
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use super::order::{Order, Report};
use crate::{appear, call::Peer};

/// Between attempts to reach a role whose socket is there but does not answer.
const PAUSE: Duration = Duration::from_millis(250);
/// What one run of a CLI shows once: no definition names more.
const MAX_TOLD: usize = 32;
/// A report that cannot be delivered for so long is of no use any more.
const ATTEMPTS: u32 = 40;

pub(super) struct Desk {
    orders: mpsc::UnboundedReceiver<Order>,
    reports: mpsc::UnboundedSender<Report>,
    /// Which run of the CLI runs here; the oauth role asks when it is attached to.
    running: watch::Sender<Option<u32>>,
    /// What the CLI has shown once, and a role that comes after a crash would not know. A code for the page is known to
    /// the host, with the time of its end.
    told: Vec<Report>,
}

impl Desk {
    pub(super) fn start() -> Self {
        let (give, orders) = mpsc::unbounded_channel();
        let (reports, reported) = mpsc::unbounded_channel();
        let running = watch::Sender::new(None);
        tokio::spawn(receive(give, running.subscribe()));
        tokio::spawn(deliver(reported));
        Self { orders, reports, running, told: Vec::new() }
    }

    /// The next order.
    pub(super) async fn order(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }

    /// In order, and without waiting.
    pub(super) fn report(&mut self, report: Report) {
        let once = matches!(report, Report::AsksForCode { .. } | Report::Credential { .. });
        if once && self.told.len() < MAX_TOLD {
            self.told.push(report.clone());
        }
        let _ = self.reports.send(report);
    }

    /// For a role that has forgotten it.
    pub(super) fn tell_again(&self) {
        for report in &self.told {
            let _ = self.reports.send(report.clone());
        }
    }

    pub(super) fn runs(&mut self, run: Option<u32>) {
        self.told.clear();
        self.running.send_replace(run);
    }
}

async fn receive(give: mpsc::UnboundedSender<Order>, running: watch::Receiver<Option<u32>>) {
    let oauth = Peer::oauth();
    loop {
        // The directory is made before any service is started, so this only ever waits for the socket.
        let _ = appear::wait(oauth.socket()).await;
        let path = match *running.borrow() {
            Some(run) => format!("/terminal/orders?run={run}"),
            None => "/terminal/orders".to_owned(),
        };
        if let Ok(mut orders) = oauth.follow::<Order>(&path).await {
            while let Some(order) = orders.next().await {
                if give.send(order).is_err() {
                    return;
                }
            }
        }
        sleep(PAUSE).await;
    }
}

async fn deliver(mut reports: mpsc::UnboundedReceiver<Report>) {
    let oauth = Peer::oauth();
    while let Some(report) = reports.recv().await {
        for _ in 0..ATTEMPTS {
            if oauth.send(Method::POST, "/terminal/report", &report).await.is_ok() {
                break;
            }
            sleep(PAUSE).await;
        }
    }
}
