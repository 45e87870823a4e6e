//! The text forms of settings, and what is said when a text has another.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use anteroom_guest_image::KernelKind;
use url::Url;

use crate::{
    net::{Forward, Reach, host::HostService},
    vmm::{
        firecracker::{JailerChoice, Transport},
        qemu::Wanted,
    },
};

/// What shall run the VMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendChoice {
    /// Firecracker where it can run them as configured, QEMU elsewhere.
    Auto,
    Exactly(Backend),
}

/// What runs the VMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Qemu,
    Firecracker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// What VM images are built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageRecipe {
    /// One that comes with Anteroom.
    Embedded(String),
    File(PathBuf),
}

/// How many VMs may live, or be launched, at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VmLimit {
    /// By what the machine has of what limits them: memory, or processors.
    Auto,
    Exactly(u32),
}

pub(super) fn parsed<T: FromStr>(text: &str, expected: &str) -> Result<T, String> {
    text.parse().map_err(|_| expected.to_owned())
}

pub(super) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    parsed(text, "an address and a port, for example 127.0.0.1:4000")
}

pub(super) fn ip_address(text: &str) -> Result<IpAddr, String> {
    parsed(text, "an IP address")
}

pub(super) fn number<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + std::fmt::Display,
{
    move |text| {
        let expected = || format!("a number from {} to {}", range.start(), range.end());
        text.parse().ok().filter(|number| range.contains(number)).ok_or_else(expected)
    }
}

/// A number and a unit: `ms`, `s`, `m` or `h`; one second at least and a month at most, so that no limit is off by
/// mistake.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "a time such as 90s, 30m or 2h, from 1s to 744h".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| expected())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(expected()),
    };
    let duration = number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(expected)?;
    let sane = Duration::from_secs(1)..=Duration::from_secs(744 * 3600);
    if sane.contains(&duration) { Ok(duration) } else { Err(expected()) }
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|_| "a path".to_owned())
}

pub(super) fn http_url(text: &str) -> Result<Url, String> {
    let expected = "an http or https address without path, for example https://signin.example.com";
    let url: Url = parsed(text, expected)?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.path() == "/"
        && url.username().is_empty();
    if plain { Ok(url) } else { Err(expected.to_owned()) }
}

pub(super) fn host_name(text: &str) -> Result<String, String> {
    let good = text.len() <= 253
        && !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'[' | b']'));
    if good { Ok(text.to_ascii_lowercase()) } else { Err("host names such as signin.example.com".to_owned()) }
}

/// One host source of CSP; a separator in it would start another directive.
pub(super) fn frame_ancestor(text: &str) -> Result<String, String> {
    let good = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b';' | b','));
    if good {
        Ok(text.to_owned())
    } else {
        Err("CSP sources such as 'self' or https://app.example.com".to_owned())
    }
}

/// As browsers write it in their Origin header (RFC 6454, section 6.2).
pub(super) fn origin(text: &str) -> Result<String, String> {
    let origin = http_url(text).ok().map(|url| url.origin().ascii_serialization());
    origin.ok_or_else(|| "the origin of a page, for example https://app.example.com".to_owned())
}

pub(super) fn image_name(text: &str) -> Result<String, String> {
    let good = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'));
    if good {
        Ok(text.to_owned())
    } else {
        Err("a name in lower-case letters, digits, dots and hyphens".to_owned())
    }
}

pub(super) fn image_kernel(text: &str) -> Result<KernelKind, String> {
    match text {
        "stock" => Ok(KernelKind::Stock),
        "custom" => Ok(KernelKind::Custom),
        _ => Err("stock or custom".to_owned()),
    }
}

/// A slash makes it a file.
pub(super) fn image_recipe(text: &str) -> Result<ImageRecipe, String> {
    if text.contains('/') {
        path(text).map(ImageRecipe::File)
    } else {
        image_name(text).map(ImageRecipe::Embedded)
    }
}

/// How many of something, one at least.
pub(super) fn count(text: &str) -> Result<NonZeroU32, String> {
    let count = number(1..=1000)(text).map_err(|_| "a number from 1 to 1000".to_owned())?;
    NonZeroU32::new(count).ok_or_else(|| "a number from 1 to 1000".to_owned())
}

pub(super) fn vm_limit(text: &str) -> Result<VmLimit, String> {
    if text == "auto" {
        return Ok(VmLimit::Auto);
    }
    number(1..=1000)(text).map(VmLimit::Exactly).map_err(|_| "auto, or a number from 1 to 1000".to_owned())
}

pub(super) fn acceleration(text: &str) -> Result<Wanted, String> {
    parsed(text, "auto, kvm or tcg")
}

pub(super) fn backend(text: &str) -> Result<BackendChoice, String> {
    match text {
        "auto" => Ok(BackendChoice::Auto),
        "qemu" => Ok(BackendChoice::Exactly(Backend::Qemu)),
        "firecracker" => Ok(BackendChoice::Exactly(Backend::Firecracker)),
        _ => Err("qemu, firecracker or auto".to_owned()),
    }
}

pub(super) fn jailer(text: &str) -> Result<JailerChoice, String> {
    match text {
        "auto" => Ok(JailerChoice::Auto),
        "none" => Ok(JailerChoice::Never),
        name => program(name).map(JailerChoice::Program),
    }
}

pub(super) fn transport(text: &str) -> Result<Transport, String> {
    match text {
        "pci" => Ok(Transport::Pci),
        "mmio" => Ok(Transport::Mmio),
        _ => Err("pci or mmio".to_owned()),
    }
}

pub(super) fn program(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && !text.contains('\0');
    if good { Ok(text.to_owned()) } else { Err("a path, or a name to be found in PATH".to_owned()) }
}

/// A comma begins an option of QEMU's.
pub(super) fn machine(text: &str) -> Result<String, String> {
    let good =
        text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b',' | b'='));
    if good && !text.is_empty() {
        Ok(text.to_owned())
    } else {
        Err("a machine of QEMU's, for example q35".to_owned())
    }
}

pub(super) fn is_bridged(text: &str) -> Result<bool, String> {
    match text {
        "user" => Ok(false),
        "bridge" => Ok(true),
        _ => Err("user or bridge".to_owned()),
    }
}

pub(super) fn network<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| "an address with the length of its prefix, for example 192.168.100.1/24".to_owned())
}

pub(super) fn host_service(text: &str) -> Result<HostService, String> {
    text.parse().map_err(|_| "udp/53 or tcp/8080, for example".to_owned())
}

pub(super) fn reach(text: &str) -> Result<Reach, String> {
    match text {
        "everything" => Ok(Reach::Everything),
        "forwards-only" => Ok(Reach::ForwardsOnly),
        _ => Err("everything or forwards-only".to_owned()),
    }
}

pub(super) fn ipv4_address(text: &str) -> Result<Ipv4Addr, String> {
    parsed(text, "an IPv4 address")
}

pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    parsed(text, "true or false")
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("text or json".to_owned()),
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    tracing_subscriber::EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|_| {
        "error, warn, info, debug, trace, or a filter such as anteroom::vm=debug,info".to_owned()
    })
}

pub(super) fn host_entry(text: &str) -> Result<(String, Ipv4Addr), String> {
    let expected = "name=IPv4 address, for example auth.example.com=10.0.2.100";
    let (name, address) = text.split_once('=').ok_or(expected)?;
    Ok((host_name(name.trim())?, parsed(address.trim(), expected)?))
}

pub(super) fn forward(text: &str) -> Result<Forward, String> {
    let expected = "guest address:port=host address:port, for example 10.0.2.100:443=127.0.0.1:8443";
    let (guest, host) = text.split_once('=').ok_or(expected)?;
    Ok(Forward { guest: parsed(guest.trim(), expected)?, host: parsed(host.trim(), expected)? })
}
