//! A program of the guest's that a command of ours needs for its work; only its complaints are shown, and only when it fails.

pub(in crate::cli) use anteroom_protocol::exec::AGENT;
use anteroom_protocol::exec::ExecSpec;
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, DuplexStream, duplex},
    sync::mpsc,
};

use super::{
    attach::{self, Begin, Control, Local},
    outlet::Outlet,
};
use crate::cli::{client::Client, exit::Problem};

/// On its way inside this process, in bytes.
const PIPE_BYTES: usize = 64 * 1024;
/// What is shown of its complaints, in bytes.
const MAX_COMPLAINT_BYTES: u64 = 4096;

/// Runs it to its end; `called` is what people call the VM.
///
/// # Errors
/// With the first line of its complaints, when its exit code is not 0.
pub(in crate::cli) async fn run(
    client: &Client,
    (vm, called): (&str, &str),
    spec: ExecSpec,
    input: mpsc::Receiver<Bytes>,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> Result<(), Problem> {
    let (_keep, control) = mpsc::channel(1);
    followed(client, (vm, called), spec, Local { input, control }, output).await
}

/// Runs it for as long as somebody is busy with its output, and leaves it then. `busy` ends with nothing when the output has ended
/// before.
///
/// # Errors
/// As [`run`], when the program has ended by itself, and those of `busy`.
pub(in crate::cli) async fn until<T>(
    client: &Client,
    vm: (&str, &str),
    spec: ExecSpec,
    output: impl AsyncWrite + Unpin + Send + 'static,
    busy: impl Future<Output = Result<Option<T>, Problem>>,
) -> Result<T, Problem> {
    let (leave, control) = mpsc::channel(1);
    let (_, input) = mpsc::channel(1);
    let followed = followed(client, vm, spec, Local { input, control }, output);
    let busy = async {
        let result = busy.await;
        // An error means that it has ended.
        let _ = leave.send(Control::Leave).await;
        result
    };
    let (ended, result) = tokio::join!(followed, busy);
    match result? {
        Some(result) => Ok(result),
        None => {
            Err(ended.err().unwrap_or_else(|| Problem::failed(format!("{}: it has ended too early", vm.1))))
        }
    }
}

async fn followed(
    client: &Client,
    (vm, called): (&str, &str),
    spec: ExecSpec,
    local: Local,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> Result<(), Problem> {
    let name = spec.program().to_owned();
    let (errors, complaints) = duplex(PIPE_BYTES);
    let heard = tokio::spawn(hear(complaints));
    let begin = Begin::Program(Box::new(spec));
    let ended = attach::run(client, vm, begin, local, Outlet::new(output, errors)).await?;
    let said = heard.await.unwrap_or_default();
    if ended.code == 0 {
        return Ok(());
    }
    let mut lines = said.lines().map(str::to_owned);
    let cause = ended.cause.unwrap_or_else(|| format!("{name} ended with code {}", ended.code));
    let message = lines.next().unwrap_or(cause);
    Err(Problem::failed(format!("{called}: {message}")).with_lines(lines))
}

/// Runs it and keeps what it writes to standard output, at most so many bytes; one that writes more is left, and has failed.
///
/// # Errors
/// As [`run`].
pub(in crate::cli) async fn output(
    client: &Client,
    vm: (&str, &str),
    spec: ExecSpec,
    most: u64,
) -> Result<Vec<u8>, Problem> {
    let (output, said) = duplex(PIPE_BYTES);
    let (_, nothing) = mpsc::channel(1);
    let mut bytes = Vec::new();
    let collect = async { Ok(said.take(most).read_to_end(&mut bytes).await?) };
    tokio::try_join!(run(client, vm, spec, nothing, output), collect)?;
    Ok(bytes)
}

/// Without what a terminal would take for commands.
async fn hear(mut complaints: DuplexStream) -> String {
    let mut bytes = Vec::new();
    let _ = (&mut complaints).take(MAX_COMPLAINT_BYTES).read_to_end(&mut bytes).await;
    // The rest is read, so that nobody waits, and not kept.
    let _ = tokio::io::copy(&mut complaints, &mut tokio::io::sink()).await;
    let text = String::from_utf8_lossy(&bytes);
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
