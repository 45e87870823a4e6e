//! The settings of the webhook: one address, one secret, and whether credentials are enclosed.

use std::path::PathBuf;

use url::{Host, Url};

use super::{ConfigError, Reader, value};
use crate::webhook::SigningKey;

/// Whom to tell what has happened to credentials, and how.
#[derive(Debug, Clone)]
pub struct WebhookChoices {
    pub url: Url,
    pub secret: SecretSource,
    pub enclosure: Enclosure,
}

/// Where the webhook's secret is.
#[derive(Debug, Clone)]
pub enum SecretSource {
    Here(SigningKey),
    File(PathBuf),
}

/// Whether what is sent has the credentials themselves in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enclosure {
    Nothing,
    Credentials,
}

pub(super) fn read(settings: &Reader<'_>) -> Result<Option<WebhookChoices>, ConfigError> {
    let url = settings.option("webhook.url", address)?;
    let here = settings.option("webhook.secret", signing_key)?;
    let file = settings.option("webhook.secret_file", value::path)?;
    let enclosure = settings.value("webhook.include_credentials", |text| {
        enclosure_of(text, url.as_ref().is_none_or(keeps_secrets))
    })?;
    let Some(url) = url else { return Ok(None) };
    let secret = match (here, file) {
        (Some(key), None) => SecretSource::Here(key),
        (None, Some(path)) => SecretSource::File(path),
        (Some(_), Some(_)) => {
            return settings
                .value("webhook.secret_file", |_| Err("nothing beside webhook.secret".to_owned()));
        }
        (None, None) => {
            let expected = "a secret, or one in webhook.secret_file, because webhook.url is set";
            return settings.value("webhook.secret", |_| Err(expected.to_owned()));
        }
    };
    Ok(Some(WebhookChoices { url, secret, enclosure }))
}

/// No secret belongs into it, because it is shown.
fn address(text: &str) -> Result<Url, String> {
    let expected =
        "an http or https address without user and password, for example https://app.example.com/anteroom";
    let url: Url = value::parsed(text, expected)?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    if plain { Ok(url) } else { Err(expected.to_owned()) }
}

/// Whether nobody on the way can read what is sent there: TLS, or this machine.
fn keeps_secrets(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || here
}

fn enclosure_of(text: &str, address_keeps_secrets: bool) -> Result<Enclosure, String> {
    match text {
        "false" => Ok(Enclosure::Nothing),
        "true" if address_keeps_secrets => Ok(Enclosure::Credentials),
        "true" => Err("false, because webhook.url is neither https nor this machine".to_owned()),
        _ => Err("true or false".to_owned()),
    }
}

/// Says nothing about the text, which is a secret.
fn signing_key(text: &str) -> Result<SigningKey, String> {
    SigningKey::parse(text).map_err(|error| error.to_string())
}
