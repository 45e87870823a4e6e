//! `anteroom cp`: what is copied travels as one tar archive from whoever reads to whoever writes.
//!
//! ```text
//!  here ──archive──▶ bytes ──▶ unpack ──▶ here
//!  VM: tar -c     ──▶      ──▶ VM: tar -x
//! ```
//! A VM's archive is hostile: [`here::unpack`] leaves the target for no name in it.

mod here;
mod pieces;
mod progress;

use std::sync::Arc;

use anteroom_protocol::exec::ExecSpec;
use bytes::Bytes;
use tokio::{io::AsyncWrite, sync::mpsc, task::spawn_blocking};

use super::{
    args::{CopyArguments, Place},
    client::Client,
    exec::tool,
    exit::{Exit, Problem},
    vm_name,
};
use crate::failure::causes;
use here::CopyError;
use pieces::{Chunks, Pieces};
use progress::Counted;

/// Writes the archive of `$1`, whose name in it is the last part of its path.
const SEND: &str = r#"
set -e
[ -e "$1" ] || [ -L "$1" ] || { echo "$1: no such file or directory" >&2; exit 1; }
path=$(realpath -s -- "$1")
exec tar --create --file=- --sparse --directory="$(dirname -- "$path")" -- "$(basename -- "$path")"
"#;

/// Unpacks an archive into `$1` if that is a directory; else the one thing in it becomes `$1`.
const RECEIVE: &str = r#"
set -e
if [ -d "$1" ]; then exec tar --extract --file=- --preserve-permissions --no-same-owner --directory="$1"; fi
parent=$(dirname -- "$1")
[ -d "$parent" ] || { echo "$parent: no such directory" >&2; exit 1; }
scratch=$(mktemp --directory -- "$parent/.anteroom-cp-XXXXXX")
trap 'rm -rf -- "$scratch"' EXIT
tar --extract --file=- --preserve-permissions --no-same-owner --directory="$scratch"
for one in "$scratch"/* "$scratch"/.[!.]*; do
    [ -e "$one" ] || [ -L "$one" ] || continue
    mv --no-target-directory --force -- "$one" "$1"
done
"#;

pub(super) async fn run(arguments: &CopyArguments, client: &Client) -> Result<Exit, Problem> {
    if let (Place::Here(_), Place::Here(_)) = (&arguments.from, &arguments.to) {
        let message = "neither is in a VM: write VM:PATH, or use cp(1)";
        return Err(Problem::new(Exit::Usage, message));
    }
    let counted = Arc::new(Counted::new(arguments.quiet));
    let (pieces, coming) = pieces::channel(&counted);
    let user = arguments.user.as_ref();
    let copied = async {
        let both = tokio::try_join!(
            read(client, &arguments.from, user, pieces),
            write(client, &arguments.to, user, coming),
        );
        both.map(|_| Exit::Ok)
    };
    tokio::select! {
        copied = copied => copied,
        never = counted.show() => match never {},
        _ = tokio::signal::ctrl_c() => {
            Err(Problem::failed("interrupted: what was copied so far is incomplete"))
        }
    }
}

/// The archive of what is there.
async fn read(client: &Client, from: &Place, user: Option<&String>, to: Pieces) -> Result<(), Problem> {
    match from {
        Place::Here(path) => {
            let path = path.clone();
            here(move || here::archive(&path, to)).await
        }
        Place::Vm { vm, path } => {
            let (_, nothing) = mpsc::channel(1);
            tar(client, vm, SEND, path, user, nothing, to).await
        }
    }
}

async fn write(
    client: &Client,
    to: &Place,
    user: Option<&String>,
    from: mpsc::Receiver<Bytes>,
) -> Result<(), Problem> {
    match to {
        Place::Here(path) => {
            let path = path.clone();
            here(move || here::unpack(&path, Chunks::new(from))).await
        }
        Place::Vm { vm, path } => tar(client, vm, RECEIVE, path, user, from, tokio::io::sink()).await,
    }
}

/// On a thread of its own.
async fn here(work: impl FnOnce() -> Result<(), CopyError> + Send + 'static) -> Result<(), Problem> {
    let done = spawn_blocking(work).await.map_err(|error| Problem::failed(error.to_string()))?;
    done.map_err(|error| Problem::failed(causes(&error)))
}

/// Runs one of the two scripts in a VM.
async fn tar(
    client: &Client,
    vm: &str,
    script: &str,
    path: &str,
    user: Option<&String>,
    input: mpsc::Receiver<Bytes>,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> Result<(), Problem> {
    let id = vm_name::resolve(client, vm).await?;
    let argv = ["sh", "-c", script, "cp", path].map(str::to_owned).to_vec();
    let spec = ExecSpec { argv, user: user.cloned(), ..ExecSpec::default() };
    tool::run(client, (&id, vm), spec, input, output).await
}
