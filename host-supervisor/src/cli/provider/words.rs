//! A definition in words: what is run, how its page is recognised, which files prove the sign-in.

use std::fmt;

use anteroom_protocol::provider::{
    Callback, CredentialRule, Device, Launch, Manual, ProviderDefinition, UrlKind, UrlRule, Verify,
};

/// One line: what it is about, and what is to be said. A definition comes from anywhere, so nothing in it reaches the
/// terminal as a control character.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    label: String,
    text: String,
}

impl Line {
    fn new(label: &str, text: impl Into<String>) -> Self {
        Self { label: label.to_owned(), text: text.into() }
    }
}

impl From<(&str, String)> for Line {
    fn from((label, text): (&str, String)) -> Self {
        Self::new(label, text)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let text: String = self.text.chars().map(printable).collect();
        write!(f, "{:<10}{text}", self.label)
    }
}

pub(super) fn of(definition: &ProviderDefinition) -> Vec<Line> {
    let mut lines = Vec::new();
    if !definition.versions_tested.is_empty() {
        lines.push(Line::new("tested", format!("with {}", definition.versions_tested.join(", "))));
    }
    for (name, launch) in &definition.launch {
        lines.extend(of_launch(name, launch));
    }
    lines.extend(definition.url.iter().map(|rule| Line::new("page", of_url(rule))));
    lines.extend(definition.callback.as_ref().map(|callback| Line::new("callback", of_callback(callback))));
    lines.extend(definition.device.as_ref().map(|device| Line::new("code", of_device(device))));
    lines.extend(definition.manual.as_ref().map(|manual| Line::new("paste", of_manual(manual))));
    lines.extend(definition.credential.iter().map(of_credential));
    lines.extend(definition.verify.as_ref().map(|verify| Line::new("check", of_verify(verify))));
    lines.extend(definition.prompt.as_ref().map(|prompt| Line::new("prompt", prompt.argv.join(" "))));
    lines
}

fn of_launch(name: &str, launch: &Launch) -> Vec<Line> {
    let label = if name == ProviderDefinition::DEFAULT_LAUNCH { "command" } else { name };
    let mut lines = vec![Line::new(label, launch.argv.join(" "))];
    let mut add = |text| lines.push(Line::new("", text));
    if let Some(title) = &launch.title {
        add(format!("offered as {title:?}"));
    }
    for (variable, value) in &launch.env {
        add(format!("with {variable}={value} in its environment"));
    }
    if !launch.unset.is_empty() {
        let names: Vec<&str> = launch.unset.iter().map(String::as_str).collect();
        add(format!("without {} in its environment", names.join(", ")));
    }
    for path in launch.files.keys() {
        add(format!("~/{path} is written before"));
    }
    for step in &launch.steps {
        add(format!("when it shows /{}/, {} is typed", step.expect, keys(&step.send)));
    }
    lines
}

/// What is typed, as a person would say it.
fn keys(send: &str) -> String {
    match (send.strip_suffix('\r'), send) {
        (Some(""), _) => "Enter".to_owned(),
        (Some(text), _) => format!("{text:?} and Enter"),
        (None, text) => format!("{text:?}"),
    }
}

fn of_url(rule: &UrlRule) -> String {
    let port = rule.port.map(|port| format!(":{port}")).unwrap_or_default();
    let mut text = format!("{}://{}{port}{}", rule.scheme, rule.host, rule.path);
    let fixed = rule.query.iter().map(|(name, value)| format!("{name}={value}"));
    let parameters: Vec<String> = fixed.chain(rule.require_query.iter().cloned()).collect();
    if !parameters.is_empty() {
        text += &format!(" with {}", parameters.join(", "));
    }
    text + match rule.kind {
        UrlKind::Callback => "; the browser comes back to the CLI by itself",
        UrlKind::Manual => "; it shows a code to paste into the terminal",
        UrlKind::Device => "; the code that the terminal shows is typed there",
        UrlKind::Ticket => "; the CLI asks its server until the person is done",
    }
}

fn of_callback(callback: &Callback) -> String {
    let mut text = match callback.ports.as_slice() {
        [] => format!("{} on a port that the page's address names", callback.path),
        ports => {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            format!("{} on port {}", callback.path, ports.join(" or "))
        }
    };
    if callback.follow_local_redirects {
        text += "; the CLI's own redirects are followed";
    }
    if !callback.http_probe_safe {
        text += "; a stray request would end the sign-in";
    }
    text
}

fn of_device(device: &Device) -> String {
    format!("what the terminal shows as /{}/, good for {} s", device.user_code, device.lifetime_s)
}

fn of_manual(manual: &Manual) -> String {
    let mut text = format!("when the terminal shows /{}/, as {}", manual.prompt, manual.template);
    if let Some(page) = &manual.page {
        text += &format!("; the address of https://{}{} will do", page.host, page.path);
    }
    text
}

fn of_credential(rule: &CredentialRule) -> Line {
    let label = if rule.is_proof() { "proof" } else { "besides" };
    let mut text = match &rule.pattern {
        Some(pattern) => format!("what the terminal shows as /{pattern}/, kept as {}", rule.path),
        None => format!("~/{}, {}", rule.path, rule.format),
    };
    if !rule.require.is_empty() {
        text += &format!(", with {}", rule.require.join(", "));
    }
    if !rule.keys.is_empty() {
        text += &format!("; only {} is kept of it", rule.keys.join(", "));
    }
    if rule.settle_ms > 0 {
        text += &format!("; {} ms after its last change", rule.settle_ms);
    }
    Line::new(label, text)
}

fn of_verify(verify: &Verify) -> String {
    format!("{} ends with code {}", verify.argv.join(" "), verify.ok_rc)
}
