//! Interfaces and their addresses, by netlink.

use std::{io, thread};

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use nix::libc;
use rtnetlink::{
    Error, Handle,
    packet_route::{
        address::{AddressAttribute, AddressMessage},
        link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
    },
};
use tokio::sync::oneshot;

use super::{HostNetworkError, error::errno};

/// Requests of all tasks, sent by a thread of its own: the kernel does the work while it is being asked, and waits tens
/// of milliseconds when a device goes.
#[derive(Debug)]
pub(super) struct Links {
    pub(super) handle: Handle,
    /// The thread ends when this is dropped.
    _open: oneshot::Sender<()>,
}

/// What there is of an interface.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) is_bridge: bool,
    /// Index of the bridge, or other device, that it is a port of.
    pub(super) master: Option<u32>,
}

impl Links {
    /// Sees the network namespace of the calling thread, from here on and wherever it is used.
    pub(super) async fn open() -> Result<Self, HostNetworkError> {
        let (ready, connected) = oneshot::channel();
        let (_open, closed) = oneshot::channel();
        thread::Builder::new()
            .name("netlink".to_owned())
            .spawn(move || serve(ready, closed))
            .map_err(HostNetworkError::io("netlink"))?;
        let handle = connected.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
        Ok(Self { handle: handle.map_err(HostNetworkError::io("netlink"))?, _open })
    }

    /// Removes an interface; one that is not there is removed.
    pub(super) async fn delete(&self, name: &str) -> Result<(), HostNetworkError> {
        let Some(link) = self.find(name).await? else { return Ok(()) };
        match self.handle.link().del(link.index).execute().await {
            Err(error) if errno(&error) == Some(libc::ENODEV) => Ok(()),
            other => other.map_err(about("the device", name)),
        }
    }

    pub(super) async fn find(&self, name: &str) -> Result<Option<Link>, HostNetworkError> {
        let found = self.handle.link().get().match_name(name).execute().try_next().await;
        Ok(unless_absent(found).map_err(about("the device", name))?.map(|message| link(&message)))
    }

    pub(super) async fn name_of(&self, index: u32) -> Result<Option<String>, HostNetworkError> {
        let found = self.handle.link().get().match_index(index).execute().try_next().await;
        Ok(unless_absent(found)
            .map_err(HostNetworkError::netlink("interfaces"))?
            .map(|message| link(&message).name))
    }

    pub(super) async fn ports(&self, bridge: u32) -> Result<Vec<Link>, HostNetworkError> {
        let links: Vec<LinkMessage> = self
            .handle
            .link()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(HostNetworkError::netlink("interfaces"))?;
        Ok(links.iter().map(link).filter(|link| link.master == Some(bridge)).collect())
    }

    /// Every address of the host, with the index of its interface.
    pub(super) async fn addresses(&self) -> Result<Vec<(u32, IpNet)>, HostNetworkError> {
        let all: Vec<AddressMessage> = self
            .handle
            .address()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(HostNetworkError::netlink("addresses"))?;
        Ok(all.iter().filter_map(address).collect())
    }
}

/// Until nobody wants it any more.
fn serve(ready: oneshot::Sender<io::Result<Handle>>, closed: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error))),
    };
    runtime.block_on(async {
        match rtnetlink::new_connection() {
            Ok((connection, handle, _)) => {
                let _ = ready.send(Ok(handle));
                tokio::select! {
                    () = connection => {}
                    _ = closed => {}
                }
            }
            Err(error) => drop(ready.send(Err(error))),
        }
    });
}

fn unless_absent<T>(found: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    match found {
        Err(error) if errno(&error) == Some(libc::ENODEV) => Ok(None),
        other => other,
    }
}

fn link(message: &LinkMessage) -> Link {
    let mut link = Link { index: message.header.index, name: String::new(), is_bridge: false, master: None };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Controller(index) => link.master = Some(*index),
            LinkAttribute::LinkInfo(infos) => {
                link.is_bridge = infos.contains(&LinkInfo::Kind(InfoKind::Bridge));
            }
            _ => {}
        }
    }
    link
}

/// On a point-to-point interface `Address` is the other side's.
fn address(message: &AddressMessage) -> Option<(u32, IpNet)> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = local.or_else(|| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    Some((message.header.index, IpNet::new(address, message.header.prefix_len).ok()?))
}

/// An error of the kernel's about something.
pub(super) fn about(what: &str, name: &str) -> impl FnOnce(Error) -> HostNetworkError {
    HostNetworkError::netlink(format!("{what} {name}"))
}
