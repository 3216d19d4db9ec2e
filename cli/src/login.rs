//! `isolane login`, `logout` and `whoami`: which node the commands speak to, and its token.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use http::StatusCode;
use node::Token;
use serde_json::{Value, json};

use crate::admin::endpoint::{Endpoint, normal_url, token_of};
use crate::admin::logins::{Login, Logins};
use crate::admin::{self, Api, NodeArgs, OldName};
use crate::failure::BadArgument;
use crate::output::{count, say};
use crate::terminal::WARNING;
use crate::{prompt, who};

/// Remember a node and its token; the other commands then mean it.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The admin API of the node, such as https://10.0.0.5:8788.
    url: String,
    /// The file with the token. Without it: ISOLANE_TOKEN; or it is typed, or comes from the
    /// standard input, if the node asks for one.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file with certificates to trust beside the public ones, in PEM.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Print the result as one JSON document.
    #[arg(long)]
    json: bool,
}

/// Forget a node and its token.
#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The node; without it, the one that commands mean where none is named.
    url: Option<String>,
    /// Print the result as one JSON document.
    #[arg(long)]
    json: bool,
}

/// Show which node the commands speak to, and as whom.
#[derive(Debug, Args)]
pub(crate) struct WhoamiArgs {
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    old: OldName,
}

pub(crate) fn login(args: &LoginArgs) -> anyhow::Result<ExitCode> {
    admin::run(args.json, log_in(args))
}

pub(crate) fn logout(args: &LogoutArgs) -> anyhow::Result<ExitCode> {
    admin::run(args.json, async { log_out(args) })
}

pub(crate) fn whoami(args: &WhoamiArgs) -> anyhow::Result<ExitCode> {
    admin::run(args.node.json, who_am_i(args))
}

async fn log_in(args: &LoginArgs) -> anyhow::Result<()> {
    let url = normal_url(&args.url)?;
    let ca_file = args.ca_file.as_deref().map(std::path::absolute).transpose()?;
    let given = token_of(args.token_file.as_deref())?;
    let at = |token| Endpoint::at(&url, token, ca_file.as_deref()).map(Api::new);
    let (node, token) = match at(given.clone())?.node().await {
        Err(error) if given.is_none() && is_unauthorized(&error) => {
            let text = prompt::secret(&format!("the token of {url}"))?;
            let token = Token::new(text.trim()).ok_or_else(|| {
                BadArgument(
                    "expected a token of at least 16 characters of visible ASCII".to_owned(),
                )
            })?;
            (at(Some(token.clone()))?.node().await?, Some(token))
        }
        node => (node?, given),
    };
    let token = token.map(|token| token.secret().to_owned());
    if token.is_some() && goes_unprotected(&url) && !args.json {
        anstream::eprintln!(
            "{WARNING}warning{WARNING:#}: the token goes to {url} without TLS: whoever is on the \
             way can read it"
        );
    }
    let mut logins = Logins::load()?;
    logins.insert(url.clone(), Login { token, ca_file });
    logins.save()?;
    say(args.json, &json!({ "node": url, "is": node }), || {
        format!("logged in to {url} ({}): commands speak to it from now on", described(&node))
    })
}

fn log_out(args: &LogoutArgs) -> anyhow::Result<()> {
    let mut logins = Logins::load()?;
    let url = match (&args.url, logins.default_url()) {
        (Some(url), _) => normal_url(url)?,
        (None, Some(url)) => url.to_owned(),
        (None, None) => bail!("not logged in to any node"),
    };
    if !logins.remove(&url) {
        bail!("not logged in to {url}");
    }
    logins.save()?;
    say(args.json, &json!({ "node": url, "logged_out": true }), || format!("logged out of {url}"))
}

async fn who_am_i(args: &WhoamiArgs) -> anyhow::Result<()> {
    let endpoint = args.node.or(&args.old).endpoint().await?;
    let shows_token = endpoint.token().is_some();
    let mut api = Api::new(endpoint);
    let node = api.node().await?;
    let who = who::here();
    let found = json!({ "node": api.url(), "is": node, "token": shows_token, "who": who });
    say(args.node.json, &found, || {
        let who = who.as_deref().unwrap_or("nobody in particular");
        let token = if shows_token { "with its token" } else { "without a token" };
        format!("{who} at {} ({}), {token}", api.url(), described(&node))
    })
}

fn is_unauthorized(error: &anyhow::Error) -> bool {
    admin::refusal(error).is_some_and(|it| it.status == StatusCode::UNAUTHORIZED)
}

/// Whether what is sent there can be read on the way.
fn goes_unprotected(url: &str) -> bool {
    let Some(authority) = url.strip_prefix("http://") else { return false };
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    host != "localhost" && !address.is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn described(node: &Value) -> String {
    let version = node["version"].as_str().unwrap_or("of an unknown version");
    let workers = node["workers"].as_u64().unwrap_or(0);
    format!("isolane {version}, {}", count(workers, "worker"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_machine_without_tls_can_be_read() {
        for url in ["http://10.0.0.1:8788", "http://node.test", "http://[fd00::1]:8788"] {
            assert!(goes_unprotected(url), "{url}");
        }
        for url in
            ["https://node.test", "http://127.0.0.1:8788", "http://[::1]:1", "http://localhost"]
        {
            assert!(!goes_unprotected(url), "{url}");
        }
    }
}
