//! The table of settings: the only place that lists them.

use super::directories::Directories;
use crate::vmm::{firecracker::FirecrackerSettings, qemu::QemuSettings};

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// As in the file, dots for tables.
    pub name: &'static str,
    pub(super) default: Fallback,
    /// A variable of the system that Anteroom replaces, and how its value becomes this setting's.
    pub(super) legacy: Option<Legacy>,
    /// One line for people.
    pub meaning: &'static str,
    pub(super) kind: Kind,
}

/// Whether a setting's value may be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// Never shown, and not taken from the command line, which every process can read.
    Secret,
}

/// The variable's name, and what makes this setting's text of its value.
type Legacy = (&'static str, fn(&str) -> String);

#[derive(Debug)]
pub(super) enum Fallback {
    Text(&'static str),
    Path(fn(&Directories) -> String),
}

impl Key {
    /// The environment variable, for example `ANTEROOM_VM_DISK_MIB`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("ANTEROOM_{}", self.name.replace('.', "_").to_uppercase())
    }

    pub(super) fn default_text(&self, directories: &Directories) -> String {
        match self.default {
            Fallback::Text(text) => text.to_owned(),
            Fallback::Path(path) => path(directories),
        }
    }
}

const fn key(name: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key { name, default: Fallback::Text(default), legacy: None, meaning, kind: Kind::Plain }
}

const fn path(name: &'static str, default: fn(&Directories) -> String, meaning: &'static str) -> Key {
    Key { name, default: Fallback::Path(default), legacy: None, meaning, kind: Kind::Plain }
}

const fn secret(key: Key) -> Key {
    Key { kind: Kind::Secret, ..key }
}

const fn renamed(key: Key, variable: &'static str, convert: fn(&str) -> String) -> Key {
    Key { legacy: Some((variable, convert)), ..key }
}

/// Settings that count as soon as they are read again; the others are built into what a daemon is made of when it starts.
pub(super) const AT_ONCE: &[&str] = &[
    "tls.certificate",
    "tls.key",
    "public_url",
    "allowed_hosts",
    "trusted_proxies",
    "frame_ancestors",
    "cors_origins",
    "audit.keep_days",
    "vm.cli.hibernate_after",
    "vm.cli.destroy_after",
    "prompt.at_once",
    "prompt.waiting",
    "prompt.limit",
    "prompt.output_mib",
    "vm.hibernate_after",
    "vm.max",
    "vm.max_per_user",
    "launch.at_once",
    "launch.waiting",
    "session.start_limit",
    "session.sign_in_limit",
    "session.idle_limit",
    "session.retry_limit",
    "rate_limit.requests",
    "rate_limit.starts",
    "rate_limit.window",
    "rate_limit.signalling",
    "webhook.url",
    "webhook.secret",
    "webhook.secret_file",
    "webhook.include_credentials",
    "log.filter",
];

/// Whether a daemon that runs takes another value of it.
pub(super) fn counts_at_once(name: &str) -> bool {
    AT_ONCE.contains(&name)
}

/// In the order in which they are shown.
pub const KEYS: &[Key] = &[
    renamed(
        key("listen", "127.0.0.1:4000", "address and port of the API and the page; port 0 takes a free one"),
        "PORT",
        |port| format!("127.0.0.1:{port}"),
    ),
    key(
        "admin.listen",
        "",
        "address and port of the operators' routes and of /metrics, which answer nowhere else then; with the others when empty",
    ),
    key(
        "tls.certificate",
        "",
        "PEM file with the API's certificate and those above it; plain HTTP when empty",
    ),
    key("tls.key", "", "PEM file with its private key"),
    key(
        "public_url",
        "",
        "the address people use, when a proxy stands in front, for example https://signin.example.com",
    ),
    key(
        "allowed_hosts",
        "",
        "host names that requests may be addressed to, besides the listen address and localhost",
    ),
    key("trusted_proxies", "", "addresses of proxies whose X-Forwarded-For is believed"),
    key(
        "frame_ancestors",
        "'self',http://localhost:*,http://127.0.0.1:*",
        "pages that may show the desktop in a frame (CSP frame-ancestors)",
    ),
    key(
        "cors_origins",
        "",
        "origins of pages elsewhere that may call the API, for example https://app.example.com; they need a key or token",
    ),
    key("audit.keep_days", "90", "how long it is known who did what through the API, in days"),
    path("state_dir", |at| at.state.clone(), "everything the daemon keeps: database, keys, running VMs"),
    path(
        "cache_dir",
        |at| at.cache.clone(),
        "what can be made again: tools, and findings about this machine",
    ),
    path("image_dir", |at| at.images.clone(), "built VM images"),
    key(
        "image_recipe",
        "debian-12",
        "what the VM images are built from: the name of a recipe, or the path of one",
    ),
    key("image_profile", "desktop", "which image the VMs with a desktop use: desktop, dev or test"),
    key(
        "image_kernel",
        "stock",
        "which kernel the VMs boot: stock, the distribution's, or custom, compiled here, which takes long once",
    ),
    key("agent", "", "the agent for the guests; found beside the daemon when empty"),
    path("providers_dir", |at| at.providers.clone(), "more provider definitions, one TOML file each"),
    renamed(
        key("vm.browser.vcpus", "2", "processors of a VM with a desktop"),
        "BROWSER_VM_VCPU",
        str::to_owned,
    ),
    renamed(
        key("vm.browser.memory_mib", "4096", "memory of a VM with a desktop, in MiB"),
        "BROWSER_VM_MEMORY_MB",
        str::to_owned,
    ),
    renamed(key("vm.cli.vcpus", "2", "processors of a VM without a desktop"), "CLI_VM_VCPU", str::to_owned),
    renamed(
        key("vm.cli.memory_mib", "2048", "memory of a VM without a desktop, in MiB; 512 at least"),
        "CLI_VM_MEMORY_MB",
        str::to_owned,
    ),
    key(
        "vm.cli.profile",
        "auto",
        "which image VMs without a desktop use; auto: cli, or cli-PROFILE beside another image_profile than desktop",
    ),
    key(
        "vm.cli.hibernate_after",
        "30m",
        "a VM without a desktop that nobody uses goes to the disk, sealed, after this time; never when empty",
    ),
    key(
        "vm.cli.destroy_after",
        "336h",
        "a VM without a desktop that nobody has used for so long is destroyed, and its disk with it",
    ),
    key("prompt.at_once", "1", "prompts of one user that run at once"),
    key("prompt.waiting", "8", "prompts of one user that wait for their turn; further ones are refused"),
    key("prompt.limit", "30m", "the longest time that a CLI may take for a prompt"),
    key("prompt.output_mib", "16", "most that a CLI may say in answer to a prompt, in MiB"),
    key("vm.disk_mib", "4096", "writable disk of a VM, in MiB; takes up only what is written"),
    key(
        "vm.disk_mib_per_second",
        "",
        "most that a VM reads, and most that it writes, of the disk under state_dir, as root; no limit when empty",
    ),
    key(
        "vm.disk_operations_per_second",
        "",
        "most reads, and most writes, of a VM of that disk; no limit when empty",
    ),
    key(
        "vm.hibernate_after",
        "",
        "a VM in which nobody is goes to the disk, sealed, after this time, until somebody comes; never when empty",
    ),
    key("vm.max", "auto", "most VMs at once; auto: what the memory of this machine holds"),
    key("vm.max_per_user", "5", "most VMs of one user at once"),
    key(
        "launch.at_once",
        "auto",
        "VMs that start at once, until their desktops stand; the others wait for their turn; auto: one for each processor",
    ),
    key("launch.waiting", "64", "most starts that wait for their turn; further ones are refused"),
    key(
        "snapshot.use",
        "true",
        "VMs begin with a snapshot of a desktop that is painted already, where the VMM can do that",
    ),
    key("snapshot.dir", "", "where snapshots are kept; daemons may share it; beside the images when empty"),
    key("snapshot.keep", "3", "snapshots that are kept; each takes as much as its guest has in memory"),
    key("snapshot.max_age", "336h", "older snapshots are removed, but for the one in use"),
    key("pool.min", "1", "VMs with a desktop that are kept ready, from a snapshot"),
    key("pool.max", "4", "the same at most, while people come one after another"),
    key("session.start_limit", "10m", "longest time from the request to a usable desktop"),
    key("session.sign_in_limit", "30m", "longest time from the usable desktop to the credentials"),
    key("session.idle_limit", "30m", "a session without heartbeat or input ends after this time"),
    key(
        "session.retry_limit",
        "5m",
        "a session whose sign-in failed ends when nobody tries again within this time",
    ),
    key(
        "vmm",
        "qemu",
        "what runs the VMs: qemu, firecracker, or auto: Firecracker where it is there, KVM works and network.mode is bridge",
    ),
    key("qemu.program", QemuSettings::PROGRAM, "QEMU: a path, or a name to be found in PATH"),
    key(
        "qemu.vsock_device",
        QemuSettings::VSOCK_DEVICE,
        "vhost-device-vsock: a path, or a name to be found in PATH",
    ),
    key("qemu.machine", QemuSettings::MACHINE, "the machine that QEMU plays, with its options"),
    key("qemu.accel", "auto", "kvm, tcg, or auto: KVM where a probe shows that it works"),
    key(
        "firecracker.program",
        FirecrackerSettings::PROGRAM,
        "Firecracker: a path, or a name to be found in PATH",
    ),
    key(
        "firecracker.jailer",
        "auto",
        "Firecracker's jailer: a path or a name, none, or auto: where the daemon runs as root",
    ),
    key(
        "firecracker.disk_mib_per_second",
        "",
        "most that a VM reads and writes of each drive; no limit when empty",
    ),
    key(
        "firecracker.disk_operations_per_second",
        "",
        "most reads and writes of a VM for each drive; no limit when empty",
    ),
    key(
        "firecracker.network_mib_per_second",
        "",
        "most that a VM sends, and most that it receives; no limit when empty",
    ),
    key("firecracker.network_packets_per_second", "", "most packets of a VM each way; no limit when empty"),
    key("firecracker.transport", "pci", "how a guest of Firecracker's finds its devices: pci or mmio"),
    key("network.hosts", "", "names for the guests' hosts file: name=address, ..."),
    key("network.extra_ca", "", "PEM file with a certificate authority that the guests shall trust"),
    key(
        "network.mode",
        "user",
        "how guests reach the world: user (the VMM's own stack, QEMU only) or bridge (TAP devices, rules, NAT; as root)",
    ),
    key("network.bridge", "br0", "the bridge of the guests; made when it is not there"),
    key("network.ipv4", "192.168.100.1/24", "the host's address on the bridge, and the guests' network"),
    key("network.ipv6", "", "the same for IPv6; the guests have none when empty"),
    key("network.allow", "", "private networks that guests on the bridge may reach: network/prefix, ..."),
    key(
        "network.host_services",
        "",
        "what guests on the bridge may reach of the host: udp/53, tcp/8080, ...",
    ),
    key("network.reach", "everything", "what the guests may reach: everything, or forwards-only"),
    key("network.dns", "", "name server of the guests; the host's own when empty"),
    key(
        "network.forwards",
        "",
        "services that the guests may reach: guest-address:port=host-address:port, ...",
    ),
    renamed(
        key("rate_limit.requests", "1000", "API requests of one client in a window"),
        "RATE_LIMIT_MAX_REQUESTS",
        str::to_owned,
    ),
    key("rate_limit.starts", "200", "of those, requests that start a session"),
    renamed(key("rate_limit.window", "15m", "length of that window"), "RATE_LIMIT_WINDOW_MS", |ms| {
        format!("{ms}ms")
    }),
    key("rate_limit.signalling", "10000", "calls of one client for a desktop's connection, in a minute"),
    key(
        "desktop.clipboard_in",
        "true",
        "false: nothing is pasted into the desktop from the person's clipboard",
    ),
    key("desktop.clipboard_out", "true", "false: what is copied in the desktop stays there"),
    key(
        "media.listen",
        "",
        "UDP address and port of the desktop's pictures; as the API's when empty; off: noVNC only",
    ),
    key(
        "media.public_addresses",
        "",
        "where viewers reach that port: IP addresses, with a port where it differs; found when empty",
    ),
    key(
        "media.tcp_listen",
        "",
        "TCP address and port of the pictures for networks without UDP; none when empty",
    ),
    key(
        "media.ice_servers",
        "",
        "STUN and TURN servers for the viewers: stun:host:port, turn:host:port, ...",
    ),
    key(
        "media.turn_secret_file",
        "",
        "a file with the secret that the TURN servers share with us (TURN REST API)",
    ),
    key("media.turn_life", "1h", "how long the credentials for a TURN server are good"),
    key("media.max_kbps", "8000", "the most that is sent to one viewer, in kbit/s"),
    key("webhook.url", "", "where it is told that credentials were captured, rotated or deleted"),
    secret(key("webhook.secret", "", "signs what is sent there: whsec_ and 24 to 64 bytes in base64")),
    key("webhook.secret_file", "", "a file with that secret, readable by its owner only"),
    key("webhook.include_credentials", "false", "true: what is sent has the credentials themselves in it"),
    key(
        "otlp.endpoint",
        "",
        "where traces are sent, in OTLP over HTTP, for example http://127.0.0.1:4318; nowhere when empty",
    ),
    secret(key("otlp.headers", "", "headers that are sent there, a key among them: name=value, ...")),
    key("otlp.headers_file", "", "a file with such headers, one in a line, readable by its owner only"),
    key("otlp.sample", "1", "which part of the traces is sent that begin here: 0 to 1"),
    key(
        "core_files",
        "false",
        "true: a crash may leave a core file, with master keys and what the guests know in it; to look for a fault",
    ),
    key("log.format", "text", "text or json"),
    key("log.filter", "info", "what is logged: error, warn, info, debug, or a tracing filter"),
];
