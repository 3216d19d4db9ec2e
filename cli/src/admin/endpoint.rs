//! Where a node's admin API is, how it is known that it is that node, and the token to show.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use node::{Announcement, Token};
use tokio::net::TcpStream;
use url::{Host, Position, Url};

use super::client::Client;
use super::logins::{Login, Logins};
use super::trust::Trust;
use crate::failure::BadArgument;

/// The variable that has a token.
const TOKEN_VARIABLE: &str = "ISOLANE_TOKEN";

/// A node that can be connected to, more than once.
pub(crate) struct Endpoint {
    /// Its URL, as a person knows it.
    url: String,
    addresses: Vec<SocketAddr>,
    /// What to trust where it speaks TLS.
    trust: Option<Trust>,
    /// The `Host` of requests; the address where there is none.
    host: Option<String>,
    token: Option<Token>,
    /// Whether it has announced itself as a node for development, which takes no deploys.
    is_for_development: bool,
}

/// The token in that file, or in the environment.
pub(crate) fn token_of(file: Option<&Path>) -> anyhow::Result<Option<Token>> {
    if let Some(file) = file {
        return Ok(Some(Token::read(file)?));
    }
    match std::env::var(TOKEN_VARIABLE) {
        Ok(text) if !text.is_empty() => match Token::new(text.trim()) {
            Some(token) => Ok(Some(token)),
            None => {
                let message = format!(
                    "expected a token of at least 16 characters of visible ASCII in \
                     {TOKEN_VARIABLE}"
                );
                Err(BadArgument(message).into())
            }
        },
        _ => Ok(None),
    }
}

/// A node's URL in the one form by which it is remembered.
pub(crate) fn normal_url(url: &str) -> anyhow::Result<String> {
    parse(url).map(|url| url.origin().ascii_serialization())
}

impl Endpoint {
    /// The node at a URL. What is not given comes from the environment, or from a login.
    ///
    /// # Errors
    /// When the URL is none, a file cannot be read, or the host is not found.
    pub(crate) fn named(
        url: &str,
        token_file: Option<&Path>,
        ca_file: Option<&Path>,
        logins: &Logins,
    ) -> anyhow::Result<Self> {
        let login = logins.of(&normal_url(url)?);
        let token = match token_of(token_file)? {
            Some(token) => Some(token),
            None => login.map(Login::token).transpose()?.flatten(),
        };
        Self::at(url, token, ca_file.or_else(|| login?.ca_file.as_deref()))
    }

    /// The node at a URL, with that token and those certificates alone.
    ///
    /// # Errors
    /// When the URL is none, the file cannot be read, or the host is not found.
    pub(crate) fn at(
        url: &str,
        token: Option<Token>,
        ca_file: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let url = parse(url)?;
        let shown = url.origin().ascii_serialization();
        let host = url.host().ok_or_else(|| anyhow!("{shown} has no host"))?;
        let port = url.port_or_known_default().unwrap_or_default();
        let addresses = match host {
            Host::Ipv4(address) => vec![(address, port).into()],
            Host::Ipv6(address) => vec![(address, port).into()],
            Host::Domain(name) => {
                let found = (name, port).to_socket_addrs();
                found.with_context(|| format!("cannot find the host {name}"))?.collect()
            }
        };
        let (trust, host) = match url.scheme() {
            // A node takes an address for its host, and no name.
            "http" => (None, None),
            _ => {
                let trust = Trust::in_name(&host.to_owned(), ca_file)?;
                (Some(trust), Some(url[Position::BeforeHost..Position::AfterPort].to_owned()))
            }
        };
        Ok(Self { url: shown, addresses, trust, host, token, is_for_development: false })
    }

    /// The node that has announced itself in a data folder.
    ///
    /// # Errors
    /// When its certificate cannot be read.
    pub(crate) fn announced(
        announcement: &Announcement,
        token: Option<Token>,
    ) -> anyhow::Result<Self> {
        let address = announcement.address;
        let trust = announcement.certificate.as_deref().map(Trust::in_certificate).transpose()?;
        let scheme = if trust.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let is_for_development = announcement.is_for_development;
        Ok(Self { url, addresses: vec![address], trust, host: None, token, is_for_development })
    }

    /// Its URL, as a person knows it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it has said that it is a node for development, which takes no deploys.
    pub(crate) fn is_for_development(&self) -> bool {
        self.is_for_development
    }

    /// The token to show.
    pub(crate) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Makes a connection.
    ///
    /// # Errors
    /// When nobody answers there, or it cannot be known that it is that node.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        let stream = TcpStream::connect(&*self.addresses).await.with_context(|| {
            let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
            format!("no node answers at {}", addresses.join(" or "))
        })?;
        stream.set_nodelay(true)?;
        let host = match &self.host {
            Some(host) => host.clone(),
            None => stream.peer_addr()?.to_string(),
        };
        let token = self.token.as_ref().map(Token::secret);
        match &self.trust {
            None => Client::over(stream, &host, token).await,
            Some(trust) => {
                let stream = trust.handshake(stream).await;
                let stream = stream.with_context(|| format!("cannot trust {}", self.url))?;
                Client::over(stream, &host, token).await
            }
        }
    }
}

fn parse(text: &str) -> anyhow::Result<Url> {
    let unfit = || {
        BadArgument(format!(
            "expected a node as http://ADDRESS:PORT or https://NAME:PORT, found {text:?}"
        ))
    };
    let url = Url::parse(text).map_err(|_| unfit())?;
    let is_bare = matches!(&url[Position::BeforePath..], "" | "/") && url.username().is_empty();
    let is_http = matches!(url.scheme(), "http" | "https") && url.password().is_none();
    if !is_bare || !is_http || url.host().is_none() {
        return Err(unfit().into());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_by_an_address_and_a_port() {
        for (url, expected) in [
            ("http://127.0.0.1:8788", "127.0.0.1:8788"),
            ("http://127.0.0.1:8788/", "127.0.0.1:8788"),
            ("http://[::1]:1", "[::1]:1"),
            ("http://127.0.0.1", "127.0.0.1:80"),
            ("https://127.0.0.1", "127.0.0.1:443"),
        ] {
            let endpoint = Endpoint::at(url, None, None).unwrap();
            assert_eq!(endpoint.addresses, [expected.parse().unwrap()], "{url}");
        }
        for url in
            ["", "127.0.0.1:8788", "ftp://127.0.0.1", "http://127.0.0.1/v1", "http://u@h", "http:"]
        {
            let error = Endpoint::at(url, None, None).err().unwrap();
            assert!(error.is::<BadArgument>(), "{url}: {error}");
        }
    }

    #[test]
    fn a_node_is_remembered_by_one_form_of_its_url() {
        for url in ["https://Node.Test", "https://node.test/", "https://node.test:443"] {
            assert_eq!(normal_url(url).unwrap(), "https://node.test");
        }
        assert_eq!(normal_url("http://[::1]:8788").unwrap(), "http://[::1]:8788");
    }
}
