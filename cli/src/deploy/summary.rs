//! What a deploy has done, for a person or as JSON.

use std::time::Duration;

use api::{Listen, Version, Worker};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::cron::when;
use crate::output::{count, plain, printed, short, size};
use crate::terminal::{DIM, GOOD, LINK, took};

/// All there is to say.
pub(super) struct Summary<'a> {
    /// The node's URL, and what it says of itself; nothing where there is none.
    pub(super) at: Option<(&'a str, &'a Value)>,
    pub(super) version: &'a Version,
    pub(super) modules: usize,
    pub(super) bundled_in: Duration,
    /// The worker as it was.
    pub(super) before: Option<&'a Worker>,
    /// The worker as it is now; nothing when the version was only validated.
    pub(super) active: Option<&'a Worker>,
    pub(super) warnings: &'a [String],
}

impl Summary<'_> {
    pub(super) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        match as_json {
            true => crate::output::say(true, &self.to_json(), String::new),
            false => printed(self.write()),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "node": self.at.map(|(url, _)| url),
            "worker": self.version.worker,
            "version": self.version,
            "active": self.active,
            "previous": self.previous(),
            "dry_run": self.active.is_none(),
            "urls": self.urls(),
            "warnings": self.warnings,
        })
    }

    fn write(&self) -> std::io::Result<()> {
        use std::io::Write as _;
        let mut out = anstream::stdout();
        let version = self.version;
        let id = short(&version.id);
        writeln!(
            out,
            "{DIM}bundled{DIM:#}   {modules}, {size} ({gzip} gzipped) {DIM}in {took}{DIM:#}",
            modules = count(self.modules as u64, "module"),
            size = size(version.size_bytes),
            gzip = size(version.gzip_bytes),
            took = took(self.bundled_in),
        )?;
        writeln!(
            out,
            "{DIM}started{DIM:#}   in {took} of CPU time, handlers: {handlers}",
            took = took(Duration::from_micros(version.start_cpu_us)),
            handlers = version.handlers.join(", "),
        )?;
        let worker = &version.worker;
        let (Some((url, _)), Some(active)) = (self.at, self.active) else {
            match self.at {
                Some((url, _)) => {
                    writeln!(
                        out,
                        "{GOOD}ok{GOOD:#}        {worker} {id} can be deployed to {url}"
                    )?;
                }
                None => writeln!(
                    out,
                    "{GOOD}ok{GOOD:#}        {worker} {id} can be deployed {DIM}(started on this \
                     machine: no node is named, and none that takes deploys runs here){DIM:#}"
                )?,
            }
            self.write_bindings(&mut out)?;
            return self.write_triggers(&mut out);
        };
        let before = match self.previous() {
            Some(previous) if previous == version.id => "as it was before".to_owned(),
            Some(previous) => format!("before: {}", short(previous)),
            None => "its first version".to_owned(),
        };
        writeln!(
            out,
            "{GOOD}deployed{GOOD:#}  {worker} {id} to {url} {DIM}revision {revision}, \
             {before}{DIM:#}",
            revision = active.revision,
        )?;
        self.write_bindings(&mut out)?;
        self.write_triggers(&mut out)?;
        for url in self.urls() {
            writeln!(out, "          {LINK}{url}{LINK:#}")?;
        }
        Ok(())
    }

    fn write_bindings(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        for binding in &self.version.bindings {
            let target = binding.target.as_deref().map(|target| format!(" {}", plain(target)));
            let target = target.unwrap_or_default();
            let (kind, name) = (&binding.kind, &binding.name);
            writeln!(out, "{DIM}binding{DIM:#}   env.{name} {DIM}{kind}{DIM:#}{target}")?;
        }
        for secret in self.active.iter().flat_map(|active| &active.secrets) {
            writeln!(out, "{DIM}binding{DIM:#}   env.{secret} {DIM}secret{DIM:#}")?;
        }
        Ok(())
    }

    /// What calls it beside requests, and who is told of its events: as it is now, or would be.
    fn write_triggers(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let version = self.version;
        let (crons, consumes, tails) = match self.active {
            Some(active) => (active.crons.as_slice(), &active.consumes, &active.tails),
            // Without any, those that are deployed stay.
            None => match (&version.crons, self.before) {
                (None, Some(before)) => (&*before.crons, &version.consumes, &version.tails),
                (crons, _) => {
                    (crons.as_deref().unwrap_or_default(), &version.consumes, &version.tails)
                }
            },
        };
        for cron in crons {
            let next = when::next(cron);
            writeln!(out, "{DIM}cron{DIM:#}      {} {DIM}next: {next}{DIM:#}", plain(cron))?;
        }
        for consumer in consumes {
            let dead = consumer.dead_letter_queue.as_deref().map(plain);
            let then = dead.map(|queue| format!(" {DIM}dead letters to {queue}{DIM:#}"));
            let queue = plain(&consumer.queue);
            writeln!(out, "{DIM}consumes{DIM:#}  {queue}{}", then.unwrap_or_default())?;
        }
        for worker in tails {
            writeln!(out, "{DIM}tail{DIM:#}      {}", plain(worker))?;
        }
        Ok(())
    }

    /// The version that was active when the deploy began.
    fn previous(&self) -> Option<&str> {
        self.before.map(|before| before.active.version.as_str())
    }

    fn urls(&self) -> Vec<String> {
        let node = self.at.map(|(_, node)| node).unwrap_or(&Value::Null);
        let listen = Vec::deserialize(&node["listen"]).unwrap_or_default();
        let routes = self.active.iter().flat_map(|active| &active.active.routes);
        routes.map(|route| url_of(route, &listen)).collect()
    }
}

/// The URL of a route, if it is one host's: TLS where the node has it. Another route stays one.
fn url_of(route: &str, listen: &[Listen]) -> String {
    let best = listen.iter().find(|listen| listen.tls).or(listen.first());
    let Some(Listen { address, tls }) = best.filter(|_| !route.starts_with('*')) else {
        return route.to_owned();
    };
    let (scheme, usual) = if *tls { ("https", 443) } else { ("http", 80) };
    let port = match address.port() {
        port if port == usual => String::new(),
        port => format!(":{port}"),
    };
    let (host, path) = route.split_at(route.find('/').unwrap_or(route.len()));
    format!("{scheme}://{host}{port}{}", path.strip_suffix('*').unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_of_one_host_has_a_url() {
        let listen = |text: &str, tls| Listen { address: text.parse().unwrap(), tls };
        let plain = [listen("0.0.0.0:8080", false)];
        let both = [listen("0.0.0.0:80", false), listen("0.0.0.0:443", true)];
        for (route, expected) in [
            ("a.test", "http://a.test:8080"),
            ("a.test/blog/*", "http://a.test:8080/blog/"),
            ("*.a.test", "*.a.test"),
            ("*", "*"),
        ] {
            assert_eq!(url_of(route, &plain), expected);
        }
        assert_eq!(url_of("a.test/x", &both), "https://a.test/x");
        assert_eq!(url_of("a.test", &[]), "a.test");
    }
}
