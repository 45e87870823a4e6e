//! `anteroom debug`: what somebody needs who looks for a fault in a VM and is not here, as one archive.
//!
//! There is no picture of the desktop in it and no process's arguments, which may show what a sign-in must keep to itself.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anteroom_protocol::exec::ExecSpec;
use serde_json::Value;

use super::{
    args::DebugArguments,
    client::Client,
    exec::tool,
    exit::{Exit, Problem},
    show, vm_name,
};

/// What the guest's kernel says about itself.
const STATE: &str = "for file in /proc/uptime /proc/loadavg /proc/meminfo /proc/mounts /proc/net/dev /proc/net/route \
                     /proc/net/sockstat /proc/pressure/memory /proc/version /etc/resolv.conf; do \
                     echo \"== $file\"; cat $file 2>&1; done; echo '== df'; df -h 2>&1";
/// Of that.
const MAX_STATE_BYTES: u64 = 1024 * 1024;

pub(super) async fn run(arguments: &DebugArguments, client: &Client) -> Result<Exit, Problem> {
    let vm = vm_name::resolve(client, &arguments.vm).await?;
    let short: String = vm.chars().take(8).collect();
    let path = arguments.output.clone().unwrap_or_else(|| PathBuf::from(format!("vm-{short}-debug.tar")));
    let mut archive = Archive::create(&path, &format!("vm-{short}-debug"))?;
    let shown = client.get(&format!("/api/vms/{vm}")).await?["vm"].take();
    archive.json("vm.json", Ok(shown.clone()))?;
    archive.json("diagnostics.json", client.get(&format!("/api/vms/{vm}/diagnostics")).await)?;
    archive.json("image.json", client.get("/api/image").await)?;
    archive.json("daemon.json", client.get("/health").await)?;
    archive.text("console.log", client.text(&format!("/api/admin/vm/{vm}/console")).await)?;
    for service in shown["services"].as_array().into_iter().flatten() {
        let name = show::text(service, "name");
        let safe = name.replace(['/', '.'], "_");
        let log = client.text(&format!("/api/vms/{vm}/services/{name}/log")).await;
        archive.text(&format!("services/{safe}.log"), log)?;
    }
    archive.text("guest.txt", state(client, &vm).await)?;
    archive.text("version.txt", Ok(format!("anteroom {}\n", env!("CARGO_PKG_VERSION"))))?;
    archive.finish()?;
    show::line(path.display());
    Ok(Exit::Ok)
}

async fn state(client: &Client, vm: &str) -> Result<String, Problem> {
    let argv = ["sh", "-c", STATE].map(str::to_owned).to_vec();
    let spec = ExecSpec { argv, timeout_ms: Some(10_000), ..ExecSpec::default() };
    let bytes = tool::output(client, (vm, vm), spec, MAX_STATE_BYTES).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A tar file; what could not be had is in it as the reason for that.
struct Archive {
    builder: tar::Builder<File>,
    root: PathBuf,
    path: PathBuf,
}

impl Archive {
    fn create(path: &Path, root: &str) -> Result<Self, Problem> {
        let file =
            File::create(path).map_err(|error| Problem::failed(format!("{}: {error}", path.display())))?;
        Ok(Self { builder: tar::Builder::new(file), root: root.into(), path: path.to_owned() })
    }

    fn json(&mut self, name: &str, value: Result<Value, Problem>) -> Result<(), Problem> {
        self.text(name, value.map(|value| format!("{value:#}\n")))
    }

    fn text(&mut self, name: &str, text: Result<String, Problem>) -> Result<(), Problem> {
        let text = text.unwrap_or_else(|problem| format!("not to be had: {problem}\n"));
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        header.set_mtime(now.as_secs());
        let added = self.builder.append_data(&mut header, self.root.join(name), text.as_bytes());
        added.map_err(|error| Problem::failed(format!("{}: {error}", self.path.display())))
    }

    fn finish(self) -> Result<(), Problem> {
        let written = self.builder.into_inner().and_then(|file| file.sync_all());
        written.map_err(|error| Problem::failed(format!("{}: {error}", self.path.display())))
    }
}
