//! The applications of `popular/`, which share one `package.json`: they are installed once,
//! copied once, and served by one `isolane dev` and by one node. What they send requests to is
//! `popular/upstream.mjs`.

use std::path::Path;
use std::sync::OnceLock;

use libtest_mimic::Failed;

use crate::project::{self, Project};
use crate::server::{self, Server};
use crate::upstream::Upstream;

/// The folder below `apps/`.
const FOLDER: &str = "popular";

/// What their tests share; each part is made when it is first needed, and ends with the value.
#[derive(Default)]
pub(crate) struct Shared {
    copy: OnceLock<Result<Project, String>>,
    dev: OnceLock<Result<(Server, Upstream), String>>,
    node: OnceLock<Result<(Server, Upstream), String>>,
}

/// Where an application is served.
pub(crate) struct Served<'a> {
    pub(crate) server: &'a Server,
    pub(crate) upstream: &'a str,
}

impl Shared {
    /// The names of the applications.
    pub(crate) fn names() -> Vec<String> {
        project::names(&project::applications().join(FOLDER))
    }

    /// All of them in one process, as their author has them while writing.
    pub(crate) fn developed(&self) -> Result<Served<'_>, Failed> {
        served(&self.dev, || {
            let copy = self.copy()?;
            let folders: Vec<String> =
                Self::names().iter().map(|name| format!("{FOLDER}/{name}")).collect();
            Server::developed_together(copy, &folders)
        })
    }

    /// A node, to which one of them is deployed.
    pub(crate) fn deployed(&self, name: &str) -> Result<Served<'_>, Failed> {
        let node = served(&self.node, || Server::node(self.copy()?.around()))?;
        server::deploy(self.copy()?.around(), &format!("{FOLDER}/{name}"))?;
        Ok(node)
    }

    /// One of them by wrangler, which serves one project.
    pub(crate) fn wrangler(
        &self,
        command: &Path,
        name: &str,
    ) -> Result<(Server, Upstream), Failed> {
        let copy = self.copy()?;
        let log = copy.around().join(format!("{name}.log"));
        let server = Server::wrangler_in(command, &copy.folder().join(name), &log)?;
        Ok((server, Upstream::start(&copy.folder())?))
    }

    fn copy(&self) -> Result<&Project, Failed> {
        let made = self.copy.get_or_init(|| Project::linked(FOLDER).map_err(|it| said(&it)));
        made.as_ref().map_err(Failed::from)
    }
}

/// What is there, or is started now with an upstream of its own: some of what applications send
/// is kept there.
fn served<'a>(
    place: &'a OnceLock<Result<(Server, Upstream), String>>,
    start: impl FnOnce() -> Result<Server, Failed>,
) -> Result<Served<'a>, Failed> {
    let started = place.get_or_init(|| {
        let upstream = Upstream::start(&project::applications().join(FOLDER));
        start().and_then(|server| Ok((server, upstream?))).map_err(|it| said(&it))
    });
    let (server, upstream) = started.as_ref().map_err(Failed::from)?;
    Ok(Served { server, upstream: upstream.address() })
}

fn said(failed: &Failed) -> String {
    failed.message().unwrap_or("it failed").to_owned()
}
