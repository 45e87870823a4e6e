//! `anteroom screenshot`: a picture of a VM's desktop.

use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use anteroom_protocol::exec::ExecSpec;

use super::{
    args::ScreenshotArguments,
    client::Client,
    exec::tool,
    exit::{Exit, Problem},
    show, vm_name,
};

/// The largest desktop, uncompressed, is smaller.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// What every PNG begins with (RFC 2083, section 3.1).
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

pub(super) async fn run(arguments: &ScreenshotArguments, client: &Client) -> Result<Exit, Problem> {
    let to_stdout = arguments.output.as_deref() == Some(Path::new("-"));
    if to_stdout && std::io::stdout().is_terminal() {
        return Err(Problem::new(Exit::Usage, "a picture is nothing for a terminal: name a file, or a pipe"));
    }
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let spec =
        ExecSpec { argv: [tool::AGENT, "screenshot"].map(str::to_owned).to_vec(), ..ExecSpec::default() };
    let bytes = tool::output(client, (&vm, &arguments.vm), spec, MAX_BYTES).await?;
    if !bytes.starts_with(SIGNATURE) {
        return Err(Problem::failed("what the VM sends is no picture"));
    }
    if to_stdout {
        std::io::stdout().write_all(&bytes)?;
        return Ok(Exit::Ok);
    }
    let default = || PathBuf::from(format!("vm-{}.png", vm.chars().take(8).collect::<String>()));
    let path = arguments.output.clone().unwrap_or_else(default);
    std::fs::write(&path, &bytes).map_err(|error| Problem::failed(format!("{}: {error}", path.display())))?;
    show::line(path.display());
    Ok(Exit::Ok)
}
