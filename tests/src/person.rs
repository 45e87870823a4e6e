//! The browser of a person: not the VM's, but one of their own, which finds the scene's provider under its names.

use std::net::SocketAddr;

use anteroom_demo::idp::Profile;
use anyhow::{Context as _, Result, bail, ensure};
use reqwest::{Certificate, Client, Response, Url, header, redirect};

#[derive(Debug)]
pub struct Person {
    browser: Client,
    service: SocketAddr,
    decision_path: String,
    device_page: Option<&'static str>,
}

impl Person {
    /// With a browser that trusts this certificate authority (PEM).
    ///
    /// # Errors
    /// When the browser does not like it.
    pub(crate) fn new(profile: &Profile, service: SocketAddr, authority: &str) -> Result<Self> {
        let browser = Client::builder()
            .tls_certs_only([Certificate::from_pem(authority.as_bytes())?])
            .redirect(redirect::Policy::none());
        let browser = profile.hostnames.iter().fold(browser, |browser, name| browser.resolve(name, service));
        Ok(Self {
            browser: browser.build()?,
            service,
            decision_path: profile.decision_path(),
            device_page: profile.device.map(|flow| flow.page),
        })
    }

    /// Says yes on the sign-in page; the address that the browser is sent to then, which may be one of the VM's.
    ///
    /// # Errors
    /// When the page does not ask, or the provider does not send back.
    pub async fn allow(&self, link: &str) -> Result<String> {
        let page = self.browser.get(self.found(link)?).send().await?.error_for_status()?.text().await?;
        let ticket =
            between(&page, "name=\"request\" value=\"", "\"").context("the page asks for permission")?;
        let mut decide = self.found(link)?;
        decide.set_path(&self.decision_path);
        decide.set_query(None);
        let answer = self.post(decide, &[("request", ticket), ("decision", "allow")]).await?;
        let location = answer.headers().get(header::LOCATION).context("the browser is sent on")?;
        Ok(location.to_str()?.to_owned())
    }

    /// Says yes on the sign-in page and goes where that leads; the address of the page there, and the code that it shows.
    ///
    /// # Errors
    /// As [`Person::allow`], and when that page shows no code.
    pub async fn code(&self, link: &str) -> Result<(String, String)> {
        let address = self.allow(link).await?;
        let page = self.browser.get(self.found(&address)?).send().await?.error_for_status()?.text().await?;
        let code = between(&page, "<p class=\"code\">", "<").context("the page shows a code")?;
        Ok((address, code.to_owned()))
    }

    /// Types a code into the page for devices and decides: `allow` or `deny`.
    ///
    /// # Errors
    /// When there is no such page, or it does not know the code.
    pub async fn type_code(&self, code: &str, decision: &str) -> Result<()> {
        let Some(page) = self.device_page else { bail!("the provider has no page for devices") };
        let answer = self.post(self.found(page)?, &[("user_code", code), ("decision", decision)]).await?;
        ensure!(answer.status().is_success(), "the page answered {}", answer.status());
        Ok(())
    }

    async fn post(&self, to: Url, fields: &[(&str, &str)]) -> Result<Response> {
        let mut form = Url::parse("http://form/")?;
        form.query_pairs_mut().extend_pairs(fields);
        let body = form.query().unwrap_or_default().to_owned();
        let request = self.browser.post(to).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        Ok(request.body(body).send().await?)
    }

    /// Where an address of the provider is on this machine.
    fn found(&self, address: &str) -> Result<Url> {
        let mut url = Url::parse(address)?;
        ensure!(url.scheme() == "https", "an address of the provider");
        url.set_port(Some(self.service.port())).ok().context("a port")?;
        Ok(url)
    }
}

/// The same address with another value of one parameter.
///
/// # Errors
/// When it is no address, or has no such parameter.
pub fn with_parameter(address: &str, name: &str, value: &str) -> Result<String> {
    let mut url = Url::parse(address)?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    ensure!(pairs.iter().any(|(known, _)| known == name), "the address has no {name}");
    let changed = pairs.iter().map(|(known, old)| (known.as_str(), if known == name { value } else { old }));
    url.query_pairs_mut().clear().extend_pairs(changed);
    Ok(url.into())
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}
