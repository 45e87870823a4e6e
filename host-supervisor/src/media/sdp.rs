//! What the host has to know of session descriptions (RFC 8866, RFC 8839), and what it changes in them. Pure.
//!
//! An offer is handed on as it is. Of an answer, every word about addresses is left out, because a hostile guest could name
//! anybody's; ours take their place.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use anteroom_protocol::stream::{MAX_SDP_BYTES, stun::is_ufrag};

/// Most candidates of a viewer that are taken note of at once.
pub const MAX_CANDIDATES: usize = 64;
/// Longest candidate, in bytes; RFC 8839 has no bound, browsers need some 200.
pub const MAX_CANDIDATE_BYTES: usize = 1024;
/// RFC 8839 section 5.4.
const MAX_PASSWORD_BYTES: usize = 256;

/// What is wrong with a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("a session description has at most {MAX_SDP_BYTES} bytes")]
    TooLarge,
    #[error("this is no session description: it must begin with v=0 and be text")]
    NoDescription,
    #[error("a=ice-ufrag or a=ice-pwd is missing or wrong")]
    NoCredentials,
    #[error("a=fingerprint is missing")]
    NoFingerprint,
    #[error("at most {MAX_CANDIDATES} candidates can be sent at once")]
    TooManyCandidates,
}

/// A viewer's offer that can be handed on. It holds a password and is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Offer {
    sdp: String,
}

/// What a viewer gets.
#[derive(Clone, PartialEq, Eq)]
pub struct Published {
    pub sdp: String,
    /// The name of the guest's agent.
    pub name: String,
    password: String,
    /// Lines without `a=`.
    pub candidates: Vec<String>,
}

/// What a fragment says (RFC 8840 section 9).
#[derive(Clone, PartialEq, Eq)]
pub struct Fragment {
    pub ufrag: Option<String>,
    pub password: Option<String>,
    pub candidates: usize,
}

impl Offer {
    /// # Errors
    /// With what is missing in it.
    pub fn parse(sdp: &str) -> Result<Self, SdpError> {
        check(sdp)?;
        if attribute(sdp, "fingerprint").is_none() {
            return Err(SdpError::NoFingerprint);
        }
        credentials(sdp)?;
        if attributes(sdp, "candidate").count() > MAX_CANDIDATES {
            return Err(SdpError::TooManyCandidates);
        }
        Ok(Self { sdp: sdp.to_owned() })
    }

    #[must_use]
    pub fn sdp(&self) -> &str {
        &self.sdp
    }

    /// Whether both were made by one and the same connection object: its session (RFC 8866 section 5.2) and certificate are
    /// the same. A second offer of it means an ICE restart.
    #[must_use]
    pub fn is_of_the_same_connection(&self, other: &Self) -> bool {
        let session = |sdp: &str| {
            let origin = sdp.lines().find_map(|line| line.strip_prefix("o="))?;
            origin.split(' ').nth(1).map(str::to_owned)
        };
        let (ours, theirs) = (&self.sdp, &other.sdp);
        session(ours).is_some()
            && session(ours) == session(theirs)
            && attribute(ours, "fingerprint") == attribute(theirs, "fingerprint")
    }

    /// The same offer with other credentials, which is what an ICE restart by a fragment means (RFC 9725 section 4.3.3).
    ///
    /// # Errors
    /// When they are none.
    pub fn with_credentials(&self, ufrag: &str, password: &str) -> Result<Self, SdpError> {
        if !is_ufrag(ufrag) || !is_password(password) {
            return Err(SdpError::NoCredentials);
        }
        let lines = self.sdp.lines().filter(|line| !is_about_addresses(line)).map(|line| {
            match line.split_once(':').map_or(line, |(name, _)| name) {
                "a=ice-ufrag" => format!("a=ice-ufrag:{ufrag}\r\n"),
                "a=ice-pwd" => format!("a=ice-pwd:{password}\r\n"),
                _ => format!("{line}\r\n"),
            }
        });
        Ok(Self { sdp: lines.collect() })
    }
}

impl Published {
    /// A guest's answer with our candidates instead of its own.
    ///
    /// # Errors
    /// When it is no answer that a viewer could use.
    pub fn new(answer: &str, candidates: &[String]) -> Result<Self, SdpError> {
        check(answer)?;
        let (name, password) = credentials(answer)?;
        let (name, password) = (name.to_owned(), password.to_owned());
        let mut sdp = String::with_capacity(answer.len() + 128 * candidates.len());
        let mut sections = 0;
        for line in answer.lines().filter(|line| !line.is_empty() && !is_about_addresses(line)) {
            if line.starts_with("m=") {
                // Behind the first section's lines: with BUNDLE (RFC 9143) its transport is everybody's.
                if sections == 1 {
                    push_candidates(&mut sdp, candidates);
                }
                sections += 1;
            }
            sdp.push_str(&without_address(line));
            sdp.push_str("\r\n");
        }
        match sections {
            0 => return Err(SdpError::NoDescription),
            1 => push_candidates(&mut sdp, candidates),
            _ => {}
        }
        Ok(Self { sdp, name, password, candidates: candidates.to_vec() })
    }

    /// The part of it that an ICE restart by a fragment is answered with.
    #[must_use]
    pub fn fragment(&self) -> String {
        let media =
            self.sdp.lines().find(|line| line.starts_with("m=")).unwrap_or("m=video 9 UDP/TLS/RTP/SAVPF 0");
        let mid = attribute(&self.sdp, "mid").unwrap_or("0");
        let (name, password) = (&self.name, &self.password);
        let mut text =
            format!("a=ice-lite\r\na=ice-ufrag:{name}\r\na=ice-pwd:{password}\r\n{media}\r\na=mid:{mid}\r\n");
        push_candidates(&mut text, &self.candidates);
        text
    }
}

impl Fragment {
    /// # Errors
    /// When it is too large or its credentials are none.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        if text.len() > MAX_SDP_BYTES {
            return Err(SdpError::TooLarge);
        }
        let candidates = attributes(text, "candidate").count();
        if candidates > MAX_CANDIDATES {
            return Err(SdpError::TooManyCandidates);
        }
        let ufrag = attribute(text, "ice-ufrag");
        let password = attribute(text, "ice-pwd");
        if ufrag.is_some_and(|ufrag| !is_ufrag(ufrag)) || password.is_some_and(|text| !is_password(text)) {
            return Err(SdpError::NoCredentials);
        }
        Ok(Self { ufrag: ufrag.map(str::to_owned), password: password.map(str::to_owned), candidates })
    }
}

fn check(sdp: &str) -> Result<(), SdpError> {
    if sdp.len() > MAX_SDP_BYTES {
        return Err(SdpError::TooLarge);
    }
    let is_text = |line: &str| !line.chars().any(|c| c.is_control() && c != '\t');
    if sdp.lines().next() == Some("v=0") && sdp.lines().all(is_text) {
        Ok(())
    } else {
        Err(SdpError::NoDescription)
    }
}

fn credentials(sdp: &str) -> Result<(&str, &str), SdpError> {
    let ufrag = attribute(sdp, "ice-ufrag").filter(|ufrag| is_ufrag(ufrag));
    let password = attribute(sdp, "ice-pwd").filter(|password| is_password(password));
    ufrag.zip(password).ok_or(SdpError::NoCredentials)
}

/// 22 to 256 letters, digits, `+` and `/` (RFC 8839 section 5.4).
fn is_password(text: &str) -> bool {
    (22..=MAX_PASSWORD_BYTES).contains(&text.len()) && is_ufrag(text)
}

fn is_about_addresses(line: &str) -> bool {
    let names = ["a=candidate:", "a=end-of-candidates", "a=remote-candidates:", "a=ice-options:", "a=rtcp:"];
    names.iter().any(|name| line.starts_with(name))
}

/// Lines that must name an address, with the one that names nobody (RFC 8840 section 4.1.1).
fn without_address(line: &str) -> Cow<'_, str> {
    if line.starts_with("c=") {
        return "c=IN IP4 0.0.0.0".into();
    }
    match line.strip_prefix("m=").map(|rest| rest.splitn(3, ' ').collect::<Vec<_>>()).as_deref() {
        // A port of zero refuses the section (RFC 3264 section 6).
        Some([kind, port, rest]) if *port != "0" => format!("m={kind} 9 {rest}").into(),
        _ => line.into(),
    }
}

fn push_candidates(sdp: &mut String, candidates: &[String]) {
    for candidate in candidates {
        sdp.push_str("a=");
        sdp.push_str(candidate);
        sdp.push_str("\r\n");
    }
    sdp.push_str("a=end-of-candidates\r\n");
}

fn attribute<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    attributes(sdp, name).next()
}

fn attributes<'a>(sdp: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    sdp.lines()
        .filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer")
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Published")
    }
}

impl fmt::Debug for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fragment")
    }
}
