//! Where traces are sent, and which.

use std::path::PathBuf;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{ConfigError, Reader, value};

/// What a collector expects behind its address (OTLP 1.x, section "OTLP/HTTP request").
const TRACES: &str = "/v1/traces";

/// Whom to tell what takes how long.
#[derive(Debug, Clone)]
pub struct OtlpChoices {
    /// Of traces.
    pub endpoint: Url,
    pub headers: HeadersSource,
    /// Which part of the traces that begin here, 0 to 1.
    pub sample: f64,
}

/// Where those headers are.
#[derive(Debug, Clone)]
pub enum HeadersSource {
    Here(OtlpHeaders),
    File(PathBuf),
}

/// Sent with everything; they hold secrets, and are not shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtlpHeaders(HeaderMap);

pub(super) fn read(settings: &Reader<'_>) -> Result<Option<OtlpChoices>, ConfigError> {
    let endpoint = settings.option("otlp.endpoint", endpoint)?;
    let here = settings.value("otlp.headers", |text| OtlpHeaders::of(text.split(',')))?;
    let file = settings.option("otlp.headers_file", value::path)?;
    let sample = settings.value("otlp.sample", part)?;
    let headers = match file {
        None => HeadersSource::Here(here),
        Some(path) if here.0.is_empty() => HeadersSource::File(path),
        Some(_) => {
            return settings.value("otlp.headers_file", |_| Err("nothing beside otlp.headers".to_owned()));
        }
    };
    Ok(endpoint.map(|endpoint| OtlpChoices { endpoint, headers, sample }))
}

/// No secret belongs into it, because it is shown.
fn endpoint(text: &str) -> Result<Url, String> {
    let expected = "an http or https address without user and password, for example http://127.0.0.1:4318";
    let mut url: Url = value::parsed(text, expected)?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !plain {
        return Err(expected.to_owned());
    }
    if !url.path().ends_with(TRACES) {
        let path = format!("{}{TRACES}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(url)
}

fn part(text: &str) -> Result<f64, String> {
    let expected = "a number from 0 to 1, for example 0.1";
    let part: f64 = value::parsed(text, expected)?;
    if (0.0..=1.0).contains(&part) { Ok(part) } else { Err(expected.to_owned()) }
}

impl OtlpHeaders {
    /// One `name=value` a line.
    ///
    /// # Errors
    /// With what is expected, and nothing of the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::of(text.lines())
    }

    fn of<'a>(items: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let header = |item: &str| {
            let (name, value) = item.split_once('=')?;
            let (name, mut value): (HeaderName, HeaderValue) =
                (name.trim().parse().ok()?, value.trim().parse().ok()?);
            value.set_sensitive(true);
            Some((name, value))
        };
        let items = items.map(str::trim).filter(|item| !item.is_empty());
        let headers: Option<HeaderMap> = items.map(header).collect();
        headers.map(Self).ok_or_else(|| "headers, name=value each".to_owned())
    }

    #[must_use]
    pub fn into_map(self) -> HeaderMap {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_where_collectors_take_traces() {
        for (text, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://otlp.example.com/otlp/", "https://otlp.example.com/otlp/v1/traces"),
            ("https://otlp.example.com/v1/traces", "https://otlp.example.com/v1/traces"),
        ] {
            assert_eq!(endpoint(text).unwrap().as_str(), expected);
        }
        for bad in ["127.0.0.1:4318", "grpc://a:1", "http://user:word@a", "http://a/?key=1"] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
        assert!(part("0.25").is_ok() && part("1.5").is_err() && part("NaN").is_err());
    }

    #[test]
    fn headers_are_taken_and_never_shown() {
        let headers = OtlpHeaders::of("x-key=geheim, authorization=Basic Zw==".split(',')).unwrap();
        assert_eq!(headers.0["authorization"], "Basic Zw==");
        assert_eq!(OtlpHeaders::parse("x-key=geheim\nauthorization=Basic Zw==\n").unwrap(), headers);
        assert!(!format!("{headers:?}").contains("geheim"));
        let error = OtlpHeaders::parse("geheim").unwrap_err();
        assert!(!error.contains("geheim"), "{error}");
    }
}
