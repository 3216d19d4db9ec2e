//! Which routes lead to which worker, in production and in development.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;

use router::{Pattern, RouteError, Table, TableBuilder};

use super::DeployError;
use crate::config::Mode;

/// A worker as the route table sees it.
pub(super) struct Entry<'a, T> {
    pub(super) name: &'a str,
    /// Its folder, for messages.
    pub(super) path: &'a Path,
    pub(super) routes: &'a [Pattern],
    pub(super) target: T,
}

/// In production the routes of the workers. In development `<name>.localhost` for each, and
/// everything else for the first: the routes name hosts that are not the developer's machine.
pub(super) fn table<T: Clone + Display>(
    mode: Mode,
    entries: &[Entry<'_, T>],
) -> Result<Table<T>, DeployError> {
    let mut names = HashMap::new();
    let mut builder = TableBuilder::new();
    for entry in entries {
        if let Some(first) = names.insert(entry.name, entry.path) {
            return Err(DeployError::SameName {
                name: entry.name.to_owned(),
                first: first.to_owned(),
                second: entry.path.to_owned(),
            });
        }
        let fault = |source| DeployError::Route { worker: entry.name.to_owned(), source };
        let routes = match mode {
            Mode::Serve if entry.routes.is_empty() => {
                return Err(DeployError::NoRoutes { worker: entry.name.to_owned() });
            }
            Mode::Serve => entry.routes.to_vec(),
            Mode::Dev => development(entry.name, names.len() == 1).map_err(fault)?,
        };
        for route in routes {
            builder.insert(route, entry.target.clone()).map_err(fault)?;
        }
    }
    Ok(builder.build())
}

fn development(name: &str, first: bool) -> Result<Vec<Pattern>, RouteError> {
    let mut routes = vec![Pattern::parse(&format!("{name}.localhost"))?];
    if first {
        routes.push(Pattern::parse("*")?);
    }
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(name: &'a str, routes: &'a [Pattern]) -> Entry<'a, &'a str> {
        Entry { name, path: Path::new(name), routes, target: name }
    }

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::parse(text).unwrap()).collect()
    }

    #[test]
    fn in_development_each_worker_has_its_name_and_the_first_has_the_rest() {
        let routes = patterns(&["api.example.com"]);
        let entries = [entry("web", &[]), entry("api", &routes)];
        let table = table(Mode::Dev, &entries).unwrap();
        let cases = [
            ("web.localhost", "web"),
            ("api.localhost", "api"),
            ("localhost", "web"),
            ("127.0.0.1", "web"),
            ("[::1]", "web"),
            ("api.example.com", "web"),
        ];
        for (host, worker) in cases {
            assert_eq!(table.resolve(host, "/"), Some(&worker), "{host}");
        }
    }

    #[test]
    fn in_production_only_routes_lead_to_a_worker() {
        let web = patterns(&["example.com", "*.example.com"]);
        let api = patterns(&["example.com/api/*"]);
        let table = table(Mode::Serve, &[entry("web", &web), entry("api", &api)]).unwrap();
        assert_eq!(table.resolve("example.com", "/api/x"), Some(&"api"));
        assert_eq!(table.resolve("a.example.com", "/"), Some(&"web"));
        assert_eq!(table.resolve("web.localhost", "/"), None);
    }

    #[test]
    fn a_worker_that_nobody_could_reach_is_named() {
        let error = table(Mode::Serve, &[entry("lost", &[])]).expect_err("it has no routes");
        assert!(error.to_string().starts_with("worker lost has no routes"), "{error}");
    }

    #[test]
    fn one_route_for_two_workers_is_refused_naming_both() {
        let routes = patterns(&["example.com"]);
        let error = table(Mode::Serve, &[entry("one", &routes), entry("two", &routes)])
            .expect_err("the route is taken");
        let message = error.to_string();
        assert!(message.starts_with("worker two: ") && message.contains("`one`"), "{message}");
    }

    #[test]
    fn two_workers_of_one_name_are_refused_in_either_mode() {
        let routes = patterns(&["a.example.com"]);
        for mode in [Mode::Serve, Mode::Dev] {
            let entries = [entry("api", &routes), entry("api", &[])];
            let error = table(mode, &entries).expect_err("the name is taken");
            assert!(error.to_string().starts_with("two workers are named api"), "{error}");
        }
    }
}
