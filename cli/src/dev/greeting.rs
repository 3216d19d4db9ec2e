//! What `dev` says once it serves: where the workers are, what they find in `env`, their routes in
//! production, and what is wrong with their configuration.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use node::{Deployments, EnvKind, Neighbours as _, Node, Worker};
use url::form_urlencoded::Serializer;

use super::certificates::{self, Local};
use super::keys;
use super::sessions::Sessions;
use crate::args::DevArgs;
use crate::cron::when;
use crate::terminal::{DIM, GOOD, LINK, Lines};

/// What there is to say.
pub(super) struct Greeting<'a> {
    pub(super) args: &'a DevArgs,
    /// The address that the node listens on.
    pub(super) host: IpAddr,
    pub(super) node: &'a Node,
    pub(super) around: &'a Around,
    pub(super) local: Option<&'a Local>,
    /// Where debuggers connect.
    pub(super) debuggers: Option<SocketAddr>,
    pub(super) with_keys: bool,
}

/// Where bindings may lead to: the workers of this session, and those of others.
#[derive(Clone)]
pub(super) struct Around {
    pub(super) deployments: Arc<Deployments>,
    pub(super) sessions: Arc<Sessions>,
}

impl Greeting<'_> {
    /// Prints it; answers the address of the first worker. `taken` is the port that the node would
    /// have had if nobody else had it.
    pub(super) fn print(&self, lines: &Lines, taken: Option<u16>) -> String {
        let version = env!("CARGO_PKG_VERSION");
        lines.print(format!("{GOOD}isolane {version}{GOOD:#} {DIM}dev{DIM:#}\n"));
        let scheme =
            if self.local.is_some() || self.args.cert.is_some() { "https" } else { "http" };
        let port = self.node.local_addrs().first().map_or(0, SocketAddr::port);
        let workers = self.node.deployments().workers();
        let width = workers.iter().map(|worker| worker.name().len()).max().unwrap_or(0);
        for (index, worker) in workers.iter().enumerate() {
            let name = worker.name();
            let link = format!("{LINK}{scheme}://{name}.localhost:{port}{LINK:#}");
            let also = match index {
                0 => format!(" {DIM}and{DIM:#} {LINK}{scheme}://localhost:{port}{LINK:#}"),
                _ => String::new(),
            };
            lines.print(format!("  {name:<width$}  {link}{also}"));
            for (what, names) in details(self.around, worker) {
                lines.print(format!("  {:width$}  {DIM}{what:<8}{DIM:#} {names}", ""));
            }
            for expression in worker.crons() {
                lines.print(format!("  {:width$}  {}", "", cron(expression)));
            }
        }
        let host = self.host;
        let address = if host.is_unspecified() { address_here() } else { Some(host) };
        let network = address.filter(|address| !address.is_loopback());
        let network =
            network.map(|address| format!("{scheme}://{}", SocketAddr::new(address, port)));
        if let Some(network) = &network {
            lines.print(format!(
                "  {:width$}  {LINK}{network}{LINK:#} {DIM}on the network{DIM:#}",
                ""
            ));
        }
        lines.print("");
        if let Some(taken) = taken {
            lines.print(format!("  {DIM}Port {taken} is in use, so this is {port}.{DIM:#}"));
        }
        if let Some(local) = self.local {
            self.say_whom_to_trust(lines, local);
        }
        if let Some(address) = self.debuggers {
            lines.print(format!(
                "  {DIM}debuggers connect to{DIM:#} {LINK}{address}{LINK:#} \
                 {DIM}(chrome://inspect, or http://{address}/json/list){DIM:#}"
            ));
        }
        let with_crons = workers.iter().find(|worker| !worker.crons().is_empty());
        if let Some(worker) = with_crons {
            let at = format!("{scheme}://{}.localhost:{port}", worker.name());
            lines.print(format!("  {DIM}{}{DIM:#}", self.how_crons_run(worker, &at)));
        }
        let data = self.args.data.display();
        let stops = if self.with_keys { keys::SHORT_HELP } else { "Ctrl-C stops" };
        lines.print(format!(
            "  {DIM}Reloads when files change. KV data is in {data}. {stops}.{DIM:#}\n"
        ));
        for worker in &workers {
            for warning in worker.warnings() {
                lines.warn(&warning.to_string());
            }
        }
        match network {
            // Where it is not at all addresses, it is at this one alone.
            Some(network) if !host.is_unspecified() => network,
            _ => format!("{scheme}://localhost:{port}"),
        }
    }

    /// What makes crons run, with the address of a worker that has some.
    fn how_crons_run(&self, worker: &Worker, at: &str) -> String {
        let key = if self.with_keys { "the key t, or " } else { "" };
        let first = worker.crons().first().map(|cron| &**cron).unwrap_or_default();
        let query = Serializer::new(String::new()).append_pair("cron", first).finish();
        let url = format!("{at}/cdn-cgi/local/scheduled?{query}");
        match self.args.crons {
            true => format!("Crons run when they are due; at once with {key}{url}"),
            false => format!("Crons run with {key}{url} (with --crons when they are due, too)"),
        }
    }

    fn say_whom_to_trust(&self, lines: &Lines, local: &Local) {
        let authority = local.authority.display();
        lines.print(format!("  {DIM}The certificate is signed by {authority}{DIM:#}"));
        if local.is_new {
            let command = certificates::how_to_trust(&local.authority);
            lines.print(format!("  {DIM}To trust it: {command}{DIM:#}"));
        }
    }
}

impl Around {
    /// Whether a worker of that name is served now.
    fn serves(&self, worker: &str) -> bool {
        self.deployments.has(worker) || self.sessions.serving(worker).is_some()
    }

    /// Whether somebody is called for the messages of that queue.
    fn consumes(&self, queue: &str) -> bool {
        let triggers = self.deployments.triggers();
        triggers.consumers.iter().any(|(consumed, ..)| **consumed == *queue)
            || self.sessions.consuming(queue).is_some()
    }
}

/// An expression and when it is due, as a line shows it.
pub(super) fn cron(expression: &str) -> String {
    let next = when::next(expression);
    format!("{DIM}{:<8}{DIM:#} {expression} {DIM}next: {next}{DIM:#}", "cron")
}

fn mark(is_connected: bool) -> &'static str {
    if is_connected { "[connected]" } else { "[not connected]" }
}

/// What a worker has, a word and the names; only what it has.
pub(super) fn details(around: &Around, worker: &Worker) -> Vec<(String, String)> {
    let mut details: Vec<(String, Vec<String>)> = Vec::new();
    for binding in worker.bindings() {
        let name = &binding.name;
        let (what, text) = match &binding.kind {
            EnvKind::Kv { namespace } if namespace == name => ("KV".to_owned(), name.clone()),
            EnvKind::Kv { namespace } => ("KV".to_owned(), format!("{name} ({namespace})")),
            EnvKind::Queue { queue } => {
                let mark = mark(around.consumes(queue));
                let text = match queue == name {
                    true => format!("{name} {mark}"),
                    false => format!("{name} ({queue}) {mark}"),
                };
                ("queues".to_owned(), text)
            }
            EnvKind::Service { worker, entrypoint } => {
                let entrypoint = entrypoint.as_ref().map(|it| format!("#{it}")).unwrap_or_default();
                let mark = mark(around.serves(worker));
                ("services".to_owned(), format!("{name} ({worker}{entrypoint}) {mark}"))
            }
            EnvKind::Var => ("vars".to_owned(), name.clone()),
            // Never the value: it is a secret more often than not.
            EnvKind::Local { file } => (file.clone(), format!("env.{name}")),
        };
        match details.iter_mut().find(|(known, _)| *known == what) {
            Some((_, names)) => names.push(text),
            None => details.push((what, vec![text])),
        }
    }
    let consumed: Vec<_> = worker.consumes().map(ToString::to_string).collect();
    if !consumed.is_empty() {
        details.push(("consumes".to_owned(), consumed));
    }
    // Of the workers of this session alone: nothing of an event leaves it.
    let tails = worker.tails().iter();
    let tails = tails.map(|tail| format!("{tail} {}", mark(around.deployments.has(tail))));
    let tails: Vec<_> = tails.collect();
    if !tails.is_empty() {
        details.push(("tails".to_owned(), tails));
    }
    let routes: Vec<_> = worker.routes().iter().map(ToString::to_string).collect();
    if !routes.is_empty() {
        details.push(("routes".to_owned(), routes));
    }
    details.into_iter().map(|(what, names)| (what, names.join(", "))).collect()
}

/// The address by which others on the network reach this machine, as far as it has one.
fn address_here() -> Option<IpAddr> {
    let socket = UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // Sends nothing: it only asks which way a packet would take. The address is one for
    // documentation (RFC 5737).
    socket.connect(("192.0.2.1", 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
