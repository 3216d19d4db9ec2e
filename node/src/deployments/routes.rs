//! Which routes lead to which worker: those that its configuration names, and those that it has by
//! its name. The routes of all workers, as they are changed one worker at a time, are here too.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use router::{Pattern, RouteError, Table, TableBuilder};

use crate::config::{Config, Mode};

/// How workers are reached beside their own routes.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    mode: Mode,
    /// What follows `<worker>.` in the hosts of a worker.
    domains: Vec<String>,
}

impl Reach {
    /// As the configuration has it. On a node that only its own machine reaches, each worker is at
    /// `<worker>.localhost`.
    pub(super) fn of(config: &Config) -> Self {
        let mut domains: Vec<_> = config.deploys.domain.iter().cloned().collect();
        if config.mode == Mode::Dev || config.is_local() {
            domains.push("localhost".to_owned());
        }
        Self { mode: config.mode, domains }
    }

    /// What leads to a worker. In development its own routes do not, for they name hosts that are
    /// not the developer's machine, and the `first` worker has everything that is no other's.
    pub(super) fn routes(
        &self,
        name: &str,
        own: &[Pattern],
        first: bool,
    ) -> Result<Vec<Pattern>, RouteError> {
        let mut routes = match self.mode {
            Mode::Serve => own.to_vec(),
            Mode::Dev if first => vec![Pattern::parse("*")?],
            Mode::Dev => Vec::new(),
        };
        for domain in &self.domains {
            routes.push(Pattern::parse(&format!("{name}.{domain}"))?);
        }
        routes.sort();
        routes.dedup();
        Ok(routes)
    }
}

/// The routes of all workers, each leading to a `T`.
pub(super) struct Claims<T> {
    builder: TableBuilder<T>,
    workers: HashMap<Arc<str>, Claim<T>>,
}

/// The routes of a worker.
#[derive(Clone)]
pub(super) struct Claim<T> {
    pub(super) routes: Vec<Pattern>,
    pub(super) target: T,
}

impl<T: Clone + Display> Claims<T> {
    pub(super) fn new() -> Self {
        Self { builder: TableBuilder::new(), workers: HashMap::new() }
    }

    /// Where the routes of a worker lead.
    pub(super) fn get(&self, name: &str) -> Option<&Claim<T>> {
        self.workers.get(name)
    }

    /// Gives a worker other routes, or none. Answers those that it had.
    ///
    /// # Errors
    /// When another worker has one of them; nothing has changed then.
    pub(super) fn replace(
        &mut self,
        name: &Arc<str>,
        claim: Option<Claim<T>>,
    ) -> Result<Option<Claim<T>>, RouteError> {
        let before = self.workers.remove(name);
        for route in before.iter().flat_map(|before| &before.routes) {
            self.builder.remove(route);
        }
        let Some(claim) = claim else { return Ok(before) };
        for (index, route) in claim.routes.iter().enumerate() {
            if let Err(error) = self.builder.insert(route.clone(), claim.target.clone()) {
                for route in claim.routes.iter().take(index) {
                    self.builder.remove(route);
                }
                if let Some(before) = before {
                    // They were free a moment ago, and are again.
                    let _ = self.replace(name, Some(before));
                }
                return Err(error);
            }
        }
        self.workers.insert(Arc::clone(name), claim);
        Ok(before)
    }

    /// The table of all routes.
    pub(super) fn table(&self) -> Table<T> {
        self.builder.clone().build()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::parse(text).unwrap()).collect()
    }

    fn claim(claims: &mut Claims<String>, name: &str, routes: Vec<Pattern>) -> Result<(), String> {
        let claim = Claim { routes, target: name.to_owned() };
        claims.replace(&name.into(), Some(claim)).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn in_development_each_worker_has_its_name_and_the_first_has_the_rest() {
        let config = Config::dev(([127, 0, 0, 1], 0).into(), PathBuf::new(), Vec::new());
        let reach = Reach::of(&config);
        let mut claims = Claims::new();
        claim(&mut claims, "web", reach.routes("web", &[], true).unwrap()).unwrap();
        let own = patterns(&["api.example.com"]);
        claim(&mut claims, "api", reach.routes("api", &own, false).unwrap()).unwrap();
        let cases = [
            ("web.localhost", "web"),
            ("api.localhost", "api"),
            ("localhost", "web"),
            ("127.0.0.1", "web"),
            ("[::1]", "web"),
            ("api.example.com", "web"),
        ];
        let table = claims.table();
        for (host, worker) in cases {
            assert_eq!(table.resolve(host, "/").map(String::as_str), Some(worker), "{host}");
        }
    }

    fn hosts(node_toml: &str) -> Vec<String> {
        let config = Config::parse("node.toml".as_ref(), node_toml).unwrap();
        let routes = Reach::of(&config).routes("web", &patterns(&["example.com"]), true).unwrap();
        routes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn in_production_a_worker_has_its_routes_and_its_name_in_the_nodes_domain() {
        assert_eq!(hosts(""), ["example.com"]);
        let domain = "domain = \"Workers.Example.com\"";
        assert_eq!(hosts(domain), ["example.com", "web.workers.example.com"]);
        let local = "[[listen]]\naddress = \"127.0.0.1:80\"\n[[listen]]\naddress = \"[::1]:80\"";
        assert_eq!(hosts(local), ["example.com", "web.localhost"]);
        let both = format!("{local}\n[[listen]]\naddress = \"10.0.0.1:80\"");
        assert_eq!(hosts(&both), ["example.com"]);
    }

    #[test]
    fn one_route_for_two_workers_is_refused_and_nothing_changes() {
        let mut claims = Claims::new();
        claim(&mut claims, "one", patterns(&["a.com", "b.com"])).unwrap();
        claim(&mut claims, "two", patterns(&["c.com"])).unwrap();
        let error = claim(&mut claims, "two", patterns(&["d.com", "b.com"])).unwrap_err();
        assert!(error.contains("`b.com`") && error.contains("`one`"), "{error}");
        let table = claims.table();
        assert_eq!(table.len(), 3);
        assert_eq!(table.resolve("c.com", "/").map(String::as_str), Some("two"));
        assert_eq!(table.resolve("d.com", "/"), None);
        claim(&mut claims, "one", patterns(&["a.com"])).unwrap();
        claim(&mut claims, "two", patterns(&["d.com", "b.com"])).unwrap();
        claims.replace(&"one".into(), None).unwrap();
        let table = claims.table();
        assert_eq!(table.len(), 2);
        assert_eq!(table.resolve("b.com", "/").map(String::as_str), Some("two"));
    }
}
