//! `anteroom top`: what runs in a VM, and what it costs.
//!
//! ```text
//!  agent (role processes) ══a line of JSON, again and again══▶ Reading::between two of them ──▶ table, screen, JSON
//! ```

mod reading;
mod screen;

use std::{io::IsTerminal as _, time::Duration};

use anteroom_protocol::{exec::ExecSpec, processes::Snapshot};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, DuplexStream, duplex};

use super::{
    args::TopArguments,
    client::Client,
    exec::tool,
    exit::{Exit, Problem},
    show, vm_name,
};
use reading::Reading;
use screen::Screen;

/// Between the two lines that are needed for one answer.
const ONCE: Duration = Duration::from_millis(500);
/// On its way inside this process, in bytes.
const PIPE_BYTES: usize = 64 * 1024;

pub(super) async fn run(arguments: &TopArguments, client: &Client) -> Result<Exit, Problem> {
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let once = arguments.once || arguments.json || !std::io::stdout().is_terminal();
    let every = if once { ONCE } else { arguments.every };
    let argv = [tool::AGENT.to_owned(), "processes".to_owned(), every.as_millis().to_string()];
    let spec = ExecSpec { argv: argv.to_vec(), ..ExecSpec::default() };
    let (output, lines) = duplex(PIPE_BYTES);
    let mut lines = Lines(BufReader::new(lines));
    let called = (vm.as_str(), arguments.vm.as_str());
    if once {
        let reading = tool::until(client, called, spec, output, async {
            let before = lines.next().await?;
            let now = lines.next().await?;
            Ok(before.zip(now).map(|(before, now)| Reading::between(&before, &now)))
        });
        print(&reading.await?, arguments.json)?;
        return Ok(Exit::Ok);
    }
    tool::until(client, called, spec, output, async {
        let mut screen = Screen::open()?;
        let mut before = Snapshot::default();
        loop {
            let now = tokio::select! {
                () = screen.left() => return Ok(Some(Exit::Ok)),
                now = lines.next() => now?,
            };
            let Some(now) = now else { return Ok(None) };
            screen.draw(&Reading::between(&before, &now).text(&vm));
            before = now;
        }
    })
    .await
}

fn print(reading: &Reading, json: bool) -> Result<(), Problem> {
    if json {
        return show::json(reading);
    }
    show::line(reading.table());
    Ok(())
}

/// What the guest says, a line at a time.
struct Lines(BufReader<DuplexStream>);

impl Lines {
    /// Nothing when the program has ended.
    async fn next(&mut self) -> Result<Option<Snapshot>, Problem> {
        let mut line = Vec::new();
        let most = Snapshot::MAX_LINE_BYTES as u64;
        (&mut self.0).take(most).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Ok(None);
        }
        let wrong = |_| Problem::failed("what the VM tells of its processes is not what our agent tells");
        serde_json::from_slice(&line).map(Some).map_err(wrong)
    }
}
