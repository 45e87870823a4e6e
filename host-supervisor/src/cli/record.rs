//! `anteroom record`: a VM's desktop as a film.
//!
//! ```text
//!  agent (role record) ══pictures of VP8, each with its time══▶ Film (WebM) ──▶ file
//! ```

mod ebml;
mod webm;

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anteroom_protocol::{exec::ExecSpec, recording::Head};
use tokio::{
    io::{AsyncReadExt as _, DuplexStream, duplex},
    time::sleep,
};

use super::{
    args::RecordArguments,
    client::Client,
    exec::tool,
    exit::{Exit, Problem},
    show, vm_name,
};
use crate::failure::causes;
use webm::Film;

/// On its way inside this process, in bytes.
const PIPE_BYTES: usize = 256 * 1024;

pub(super) async fn run(arguments: &RecordArguments, client: &Client) -> Result<Exit, Problem> {
    let to_stdout = arguments.output.as_deref() == Some(Path::new("-"));
    if to_stdout && io::stdout().is_terminal() {
        return Err(Problem::new(Exit::Usage, "a film is nothing for a terminal: name a file, or a pipe"));
    }
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let default = || PathBuf::from(format!("vm-{}.webm", vm.chars().take(8).collect::<String>()));
    let path = arguments.output.clone().unwrap_or_else(default);
    let mut film = Film::new(Sink::open(&path, to_stdout)?);
    if io::stderr().is_terminal() {
        eprintln!("anteroom: recording; Ctrl+C ends it");
    }
    let recorded = record(arguments, client, &vm, &mut film).await;
    // Whatever has ended it, what there is can be played.
    let begun = film.has_begun();
    let last_picture_ms = 1000 / u64::from(arguments.fps);
    let failed =
        |error: &dyn std::error::Error| Problem::failed(format!("{}: {}", path.display(), causes(error)));
    let (sink, corrections) = film.finish(last_picture_ms).map_err(|error| failed(&error))?;
    sink.close(&corrections).map_err(|error| failed(&error))?;
    if !to_stdout {
        if begun {
            show::line(path.display());
        } else {
            std::fs::remove_file(&path)?;
        }
    }
    recorded?;
    if begun { Ok(Exit::Ok) } else { Err(Problem::failed("the VM has sent no picture: nothing is recorded")) }
}

/// Until it is interrupted, the time is over, or the desktop is gone.
async fn record(
    arguments: &RecordArguments,
    client: &Client,
    vm: &str,
    film: &mut Film<Sink>,
) -> Result<(), Problem> {
    let argv = [tool::AGENT.to_owned(), "record".to_owned(), arguments.fps.to_string()];
    let spec = ExecSpec { argv: argv.to_vec(), ..ExecSpec::default() };
    let (output, mut pictures) = duplex(PIPE_BYTES);
    let over = over(arguments.seconds);
    tool::until(client, (vm, &arguments.vm), spec, output, async {
        tokio::pin!(over);
        loop {
            let picture = tokio::select! {
                over = &mut over => return over.map(Some),
                picture = next(&mut pictures) => picture?,
            };
            let Some((head, picture)) = picture else { return Ok(None) };
            film.add(head.key, head.at_us, &picture).map_err(|error| Problem::failed(causes(&error)))?;
        }
    })
    .await
}

async fn over(limit: Option<Duration>) -> Result<(), Problem> {
    let time = async {
        match limit {
            Some(limit) => sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        () = time => Ok(()),
    }
}

/// Nothing when there are no more.
async fn next(from: &mut DuplexStream) -> Result<Option<(Head, Vec<u8>)>, Problem> {
    let mut head = [0; Head::BYTES];
    match from.read_exact(&mut head).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    };
    let head = Head::read(&head).map_err(|error| Problem::failed(error.to_string()))?;
    let mut picture = Vec::new();
    // Read as it comes: a length that is only claimed costs no memory.
    from.take(head.length as u64).read_to_end(&mut picture).await?;
    Ok((picture.len() == head.length).then_some((head, picture)))
}

/// Where the film goes.
enum Sink {
    File(BufWriter<File>),
    Stdout(io::Stdout),
}

impl Sink {
    fn open(path: &Path, to_stdout: bool) -> Result<Self, Problem> {
        if to_stdout {
            return Ok(Self::Stdout(io::stdout()));
        }
        let file = File::create(path);
        let file = file.map_err(|error| Problem::failed(format!("{}: {error}", path.display())))?;
        Ok(Self::File(BufWriter::new(file)))
    }

    /// A pipe takes no corrections.
    fn close(self, corrections: &[webm::Correction]) -> io::Result<()> {
        let Self::File(writer) = self else { return Ok(()) };
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        for webm::Correction { at, bytes } in corrections {
            file.write_all_at(bytes, *at)?;
        }
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(out) => out.flush(),
        }
    }
}
