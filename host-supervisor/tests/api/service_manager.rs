//! What the service manager is told of a daemon at work. (With the real program, and sockets handed down: the end-to-end tests.)

use std::sync::Arc;

use anteroom::{config::Environment, daemon::ServiceManager};
use tokio::net::UnixDatagram;

use crate::service::{PATIENCE, Service};

async fn hears(manager: &UnixDatagram, wanted: &str) {
    let listening = async {
        let mut buffer = [0; 200];
        loop {
            let count = manager.recv(&mut buffer).await.unwrap();
            if std::str::from_utf8(&buffer[..count]).unwrap().lines().any(|line| line == wanted) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, listening).await.unwrap_or_else(|_| panic!("{wanted} is never told"));
}

#[tokio::test]
async fn the_manager_hears_how_much_there_is_to_do_and_that_the_daemon_lives_until_it_stops() {
    let state = Arc::new(tempfile::tempdir().unwrap());
    let path = state.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let environment: Environment = [
        ("NOTIFY_SOCKET".to_owned(), path.display().to_string()),
        ("WATCHDOG_USEC".to_owned(), "300000".to_owned()),
    ]
    .into();
    let service = Service::under(ServiceManager::of(&environment).unwrap(), state, &[]).await;
    hears(&manager, "STATUS=0 sessions, 0 VMs").await;
    let (session, guest) = service.session("ann").await;
    hears(&manager, "STATUS=1 session, 1 VM").await;
    hears(&manager, "WATCHDOG=1").await;
    service.delete(&format!("/api/auth/session/{session}")).await;
    hears(&manager, "STATUS=0 sessions, 0 VMs").await;
    drop(guest);
    service.stop().await;
    hears(&manager, "STOPPING=1").await;
}
