//! The programs of the build host: which Debian package brings each, and how one is run: with a small environment, its
//! output shown line by line as it comes, and its last lines in the error when it fails.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::{env, thread};

use crate::error::Error;

/// A program that the build host must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    pub name: &'static str,
    pub debian_package: &'static str,
}

/// A file that a compiler of the build host must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Header {
    pub path: &'static str,
    pub debian_package: &'static str,
}

/// Something that the build host must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    Program(Program),
    Header(Header),
}

pub const APT_CACHE: Program = Program { name: "apt-cache", debian_package: "apt" };
pub const APT_CONFIG: Program = Program { name: "apt-config", debian_package: "apt" };
pub const APT_GET: Program = Program { name: "apt-get", debian_package: "apt" };
pub const BC: Program = Program { name: "bc", debian_package: "bc" };
pub const BISON: Program = Program { name: "bison", debian_package: "bison" };
pub const DPKG_DEB: Program = Program { name: "dpkg-deb", debian_package: "dpkg" };
pub const FLEX: Program = Program { name: "flex", debian_package: "flex" };
pub const FSCK_EROFS: Program = Program { name: "fsck.erofs", debian_package: "erofs-utils" };
pub const GCC: Program = Program { name: "gcc", debian_package: "gcc" };
pub const LD: Program = Program { name: "ld", debian_package: "binutils" };
pub const MAKE: Program = Program { name: "make", debian_package: "make" };
pub const MKFS_EROFS: Program = Program { name: "mkfs.erofs", debian_package: "erofs-utils" };
pub const MMDEBSTRAP: Program = Program { name: "mmdebstrap", debian_package: "mmdebstrap" };
pub const NEWUIDMAP: Program = Program { name: "newuidmap", debian_package: "uidmap" };
pub const NPM: Program = Program { name: "npm", debian_package: "npm" };
pub const RM: Program = Program { name: "rm", debian_package: "coreutils" };
pub const STRIP: Program = Program { name: "strip", debian_package: "binutils" };
pub const TAR: Program = Program { name: "tar", debian_package: "tar" };
pub const UNSHARE: Program = Program { name: "unshare", debian_package: "util-linux" };
pub const XZ: Program = Program { name: "xz", debian_package: "xz-utils" };

/// What compiles a kernel, besides what unpacks its source.
pub const KERNEL_BUILD: [Requirement; 11] = [
    Requirement::Program(GCC),
    Requirement::Header(Header { path: "/usr/include/stdio.h", debian_package: "libc6-dev" }),
    Requirement::Program(LD),
    Requirement::Program(STRIP),
    Requirement::Program(MAKE),
    Requirement::Program(FLEX),
    Requirement::Program(BISON),
    Requirement::Program(BC),
    // objtool, which looks through every compiled file, reads it by this library.
    Requirement::Header(Header { path: "/usr/include/libelf.h", debian_package: "libelf-dev" }),
    Requirement::Program(TAR),
    Requirement::Program(XZ),
];

/// Lines kept for the error of a program that fails.
const LAST_LINES: usize = 20;
/// Longer lines are cut: a build must not grow with what a tool prints.
const LINE_BYTES: usize = 400;

/// What of the caller's environment the tools may see. Everything else could end in an image.
const ENVIRONMENT: [&str; 12] = [
    "HOME",
    "PATH",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

impl Program {
    /// Whether a directory of `PATH` has it.
    #[must_use]
    pub fn is_installed(self) -> bool {
        env::var_os("PATH")
            .is_some_and(|path| env::split_paths(&path).any(|dir| dir.join(self.name).is_file()))
    }
}

impl Requirement {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Program(program) => program.name,
            Self::Header(header) => header.path,
        }
    }

    #[must_use]
    pub fn debian_package(self) -> &'static str {
        match self {
            Self::Program(program) => program.debian_package,
            Self::Header(header) => header.debian_package,
        }
    }

    #[must_use]
    pub fn is_installed(self) -> bool {
        match self {
            Self::Program(program) => program.is_installed(),
            Self::Header(header) => Path::new(header.path).is_file(),
        }
    }
}

impl From<Program> for Requirement {
    fn from(program: Program) -> Self {
        Self::Program(program)
    }
}

/// A command line that is going to run.
#[derive(Debug)]
pub(crate) struct Tool {
    program: Program,
    command: Command,
}

impl Tool {
    pub(crate) fn new<A: AsRef<OsStr>>(program: Program, arguments: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(program.name);
        command.args(arguments).stdin(Stdio::null()).env_clear().env("LC_ALL", "C.UTF-8");
        command.envs(env::vars_os().filter(|(name, _)| is_passed_on(name)));
        Self { program, command }
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn current_dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs to the end; all output goes to `line`.
    pub(crate) fn run(self, line: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let (sender, lines) = mpsc::channel();
        let stdout_lines = sender.clone();
        self.supervise(sender, lines, line, move |stdout| {
            send_lines(stdout, &stdout_lines);
            Ok(())
        })
    }

    /// Runs to the end and returns what it wrote to its standard output.
    pub(crate) fn output(self) -> Result<String, Error> {
        self.run_reading(&mut |_| (), |stdout| Ok(io::read_to_string(stdout)?))
    }

    /// Runs to the end while `consume` reads its standard output in another thread; the rest goes to `line`.
    pub(crate) fn run_reading<T: Send>(
        self,
        line: &mut dyn FnMut(&str),
        consume: impl FnOnce(ChildStdout) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let (sender, lines) = mpsc::channel();
        self.supervise(sender, lines, line, consume)
    }

    /// Runs to the end while `feed` writes to its standard input; for programs that print only when they fail.
    pub(crate) fn run_fed<T>(
        mut self,
        feed: impl FnOnce(ChildStdin) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = self.spawn()?;
        let (Some(stdin), Some(stderr)) = (child.stdin.take(), child.stderr.take()) else {
            return Err(no_pipes());
        };
        let (sender, lines) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || send_lines(stderr, &sender));
            let fed = feed(stdin);
            let last_lines = LastLines::collect(lines, &mut |_| ());
            self.conclude(&mut child, last_lines, fed)
        })
    }

    fn supervise<T: Send>(
        mut self,
        sender: mpsc::Sender<String>,
        lines: mpsc::Receiver<String>,
        line: &mut dyn FnMut(&str),
        consume: impl FnOnce(ChildStdout) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.spawn()?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(no_pipes());
        };
        thread::scope(|scope| {
            let consumer = scope.spawn(|| consume(stdout));
            scope.spawn(move || send_lines(stderr, &sender));
            let last_lines = LastLines::collect(lines, line);
            let consumed = consumer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            self.conclude(&mut child, last_lines, consumed)
        })
    }

    fn spawn(&mut self) -> Result<Child, Error> {
        self.command
            .spawn()
            .map_err(|e| if e.kind() == io::ErrorKind::NotFound { missing(self.program) } else { e.into() })
    }

    /// The result of a program that has closed its pipes. When both ends failed, the program's own words come first,
    /// unless it was this side that gave up and thereby broke the program's pipe.
    fn conclude<T>(
        &self,
        child: &mut Child,
        last_lines: LastLines,
        other_end: Result<T, Error>,
    ) -> Result<T, Error> {
        let status = child.wait()?;
        match other_end {
            Err(e) if !is_broken_pipe(&e) => Err(e),
            other_end if status.success() => other_end,
            _ => {
                Err(Error::ToolFailed { program: self.program.name, status, last_lines: last_lines.0.into() })
            }
        }
    }
}

/// The most recent lines of a program's output.
struct LastLines(VecDeque<String>);

impl LastLines {
    /// Until the other end of the channel is gone; `line` sees all of them.
    fn collect(lines: mpsc::Receiver<String>, line: &mut dyn FnMut(&str)) -> Self {
        let mut last = VecDeque::with_capacity(LAST_LINES);
        for text in lines {
            line(&text);
            if last.len() == LAST_LINES {
                last.pop_front();
            }
            last.push_back(text);
        }
        Self(last)
    }
}

fn is_broken_pipe(error: &Error) -> bool {
    matches!(error, Error::Io(e) if e.kind() == io::ErrorKind::BrokenPipe)
}

fn no_pipes() -> Error {
    io::Error::other("a child without its pipes").into()
}

/// The error for a program that is not there.
fn missing(program: Program) -> Error {
    Error::ToolsMissing(vec![program.into()])
}

/// All that is not there of what is `needed`, in one error.
pub(crate) fn check(needed: impl IntoIterator<Item = Requirement>) -> Result<(), Error> {
    let mut missing: Vec<_> = needed.into_iter().filter(|requirement| !requirement.is_installed()).collect();
    missing.sort_unstable();
    missing.dedup();
    if missing.is_empty() { Ok(()) } else { Err(Error::ToolsMissing(missing)) }
}

fn is_passed_on(name: &OsString) -> bool {
    let lower = name.to_string_lossy().to_ascii_lowercase();
    ENVIRONMENT.iter().any(|known| name == known) || lower.starts_with("npm_config_")
}

/// Sends what a pipe gives, line by line ('\r' ends one too), until its end.
fn send_lines(pipe: impl Read, lines: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(pipe);
    let mut raw = Vec::new();
    loop {
        raw.clear();
        // A pipe that breaks is at its end: the exit status tells more.
        if !matches!(reader.read_until(b'\n', &mut raw), Ok(1..)) {
            return;
        }
        for piece in raw.split(|byte| matches!(byte, b'\n' | b'\r')) {
            let text = String::from_utf8_lossy(&piece[..piece.len().min(LINE_BYTES)]);
            let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
            if !text.is_empty() && lines.send(text).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
