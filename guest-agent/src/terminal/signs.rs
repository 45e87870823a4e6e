//! What in the CLI's text means something: a code for the page, a question for a code of the page, a credential.

#[cfg(test)]
mod tests;

use anteroom_protocol::Secret;
use regex::Regex;

use super::order::{Report, Signs as Patterns};

/// How much of the text is looked at: what announces a code stands near it.
const WINDOW_BYTES: usize = 8 * 1024;

pub(super) struct Signs {
    run: u32,
    user_code: Option<Regex>,
    prompt: Option<Regex>,
    credentials: Vec<(String, Regex)>,
    /// The newest text.
    window: String,
    /// What was told, so that a screen that is redrawn says nothing new.
    told_code: Option<Secret>,
    has_asked: bool,
    told_credentials: Vec<(usize, Secret)>,
}

impl Signs {
    /// Patterns were checked when the definition was; one that is none finds nothing.
    pub(super) fn new(run: u32, patterns: &Patterns) -> Self {
        let compile = |pattern: &String| regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().ok();
        let credentials = patterns.credentials.iter();
        Self {
            run,
            user_code: patterns.user_code.as_ref().and_then(compile),
            prompt: patterns.prompt.as_ref().and_then(compile),
            credentials: credentials.filter_map(|(path, p)| Some((path.clone(), compile(p)?))).collect(),
            window: String::new(),
            told_code: None,
            has_asked: false,
            told_credentials: Vec::new(),
        }
    }

    /// What a piece of the text tells, and the lines that it has completed.
    pub(super) fn read(&mut self, text: &str, lines: &[String]) -> Vec<Report> {
        let mut reports = Vec::new();
        if self.user_code.is_some() || self.prompt.is_some() {
            self.window.push_str(text);
            reports.extend(self.code(Edge::MayGoOn));
            reports.extend(self.question());
            self.forget();
        }
        reports.extend(lines.iter().flat_map(|line| self.shown(line)).collect::<Vec<_>>());
        reports
    }

    /// Nothing has come for a while: what stands at the end is complete.
    pub(super) fn pause(&mut self, lines: &[String]) -> Vec<Report> {
        let code = self.code(Edge::Ends);
        code.into_iter().chain(lines.iter().flat_map(|line| self.shown(line)).collect::<Vec<_>>()).collect()
    }

    /// The newest code, unless it stands at the very end of a text that may go on: it could be longer.
    fn code(&mut self, edge: Edge) -> Option<Report> {
        let found = self.user_code.as_ref()?.captures_iter(&self.window).last()?;
        let code = found.get(1).or_else(|| found.get(0))?;
        if code.is_empty() || (edge == Edge::MayGoOn && code.end() == self.window.len()) {
            return None;
        }
        let code = Secret::new(code.as_str());
        if self.told_code.as_ref() == Some(&code) {
            return None;
        }
        self.told_code = Some(code.clone());
        Some(Report::UserCode { run: self.run, code })
    }

    fn question(&mut self) -> Option<Report> {
        if self.has_asked || !self.prompt.as_ref()?.is_match(&self.window) {
            return None;
        }
        self.has_asked = true;
        Some(Report::AsksForCode { run: self.run })
    }

    fn shown(&mut self, line: &str) -> Vec<Report> {
        let mut reports = Vec::new();
        for (index, (path, pattern)) in self.credentials.iter().enumerate() {
            let Some(found) = pattern.find(line).filter(|found| !found.is_empty()) else { continue };
            let told = (index, Secret::new(found.as_str()));
            if self.told_credentials.contains(&told) {
                continue;
            }
            // The newest of each; a CLI that shows ever new ones does not fill the memory.
            self.told_credentials.retain(|(known, _)| *known != index);
            self.told_credentials.push(told.clone());
            reports.push(Report::Credential { run: self.run, path: path.clone(), text: told.1 });
        }
        reports
    }

    fn forget(&mut self) {
        let surplus = self.window.len().saturating_sub(WINDOW_BYTES);
        let cut = self.window.ceil_char_boundary(surplus);
        self.window.drain(..cut);
    }
}

/// Whether more may come behind a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    MayGoOn,
    Ends,
}
