//! The line to one guest's stream: dialled when there is somebody to show the desktop to, again when it breaks.

use std::{sync::Arc, time::Duration};

use anteroom_protocol::{VmId, stream::datagram::Datagram};
use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, watch},
};
use tokio_util::task::AbortOnDropHandle;

use super::relay::Relay;
use crate::{failure::causes, vm::VmHandle};

/// Packets that wait for a guest: input and acknowledgements, which are few.
const WAITING_PACKETS: usize = 512;
const CHUNK_BYTES: usize = 64 * 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// So many attempts in a row that find nobody mean that the stream which has answered an offer is gone.
const ATTEMPTS: u32 = 3;

/// Carries packets until it is dropped.
#[derive(Debug)]
pub(super) struct Line {
    breaks: watch::Receiver<u64>,
    _task: AbortOnDropHandle<()>,
}

impl Line {
    pub(super) fn open(vm: VmHandle, relay: Arc<Relay>) -> Self {
        let (broke, breaks) = watch::channel(0);
        let _task = AbortOnDropHandle::new(tokio::spawn(hold(vm, relay, broke)));
        Self { breaks, _task }
    }

    /// Counts how often the guest's stream has gone: whoever was shown something by it is not any more.
    pub(super) fn breaks(&self) -> watch::Receiver<u64> {
        self.breaks.clone()
    }
}

/// Takes the VM's packets off the relay when the line is given up, however that comes.
struct Attached<'a>(&'a Relay, VmId);

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        self.0.detach(self.1);
    }
}

async fn hold(vm: VmHandle, relay: Arc<Relay>, broke: watch::Sender<u64>) {
    let (to_guest, mut packets) = mpsc::channel(WAITING_PACKETS);
    relay.attach(vm.id(), to_guest);
    let _attached = Attached(&relay, vm.id());
    let (mut pause, mut failed) = (FIRST_PAUSE, 0);
    loop {
        let Some(agent) = vm.answering_agent().await else { return };
        match agent.packets().await {
            Ok(guest) => {
                (pause, failed) = (FIRST_PAUSE, 0);
                let mut state = vm.state();
                tokio::select! {
                    () = carry(guest, vm.id(), &relay, &mut packets) => {}
                    // Nobody looks any more, and a connection that is hung up on here is noticed there.
                    _ = state.wait_for(|state| state.status.is_away()) => {}
                }
                tracing::debug!(vm = %vm.id(), "the line to the guest's stream has broken");
                broke.send_modify(|breaks| *breaks += 1);
            }
            Err(error) => {
                tracing::debug!(vm = %vm.id(), "no line to the guest's stream: {}", causes(&error));
                failed += 1;
                if failed % ATTEMPTS == 0 {
                    broke.send_modify(|breaks| *breaks += 1);
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn carry(
    guest: impl AsyncRead + AsyncWrite,
    vm: VmId,
    relay: &Relay,
    packets: &mut mpsc::Receiver<Datagram>,
) {
    let (from_guest, to_guest) = tokio::io::split(guest);
    tokio::select! {
        () = take(from_guest, vm, relay) => {}
        () = give(to_guest, packets) => {}
    }
}

async fn take(mut guest: impl AsyncRead + Unpin, vm: VmId, relay: &Relay) {
    let mut stream = BytesMut::with_capacity(CHUNK_BYTES);
    while let Ok(1..) = guest.read_buf(&mut stream).await {
        loop {
            match Datagram::read(&mut stream) {
                Ok(Some(datagram)) => relay.take_from_guest(vm, datagram),
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%vm, "the guest's stream sends something else: {error}");
                    return;
                }
            }
        }
    }
}

async fn give(mut guest: impl AsyncWrite + Unpin, packets: &mut mpsc::Receiver<Datagram>) {
    let mut stream = BytesMut::new();
    while let Some(first) = packets.recv().await {
        let mut next = Some(first);
        while let Some(packet) = next.take() {
            // One that cannot be written was refused where it came in.
            let _ = packet.write(&mut stream);
            if stream.len() < CHUNK_BYTES {
                next = packets.try_recv().ok();
            }
        }
        if guest.write_all(&stream).await.is_err() {
            return;
        }
        stream.clear();
    }
}
