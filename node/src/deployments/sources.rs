//! What debuggers are shown of a worker: the files of its project, by their paths on this machine.

use bundle::specifier_of_url;
use serde_json::Value;
use url::Url;

use super::Deployments;
use crate::inspector::Sources;
use crate::refusal::Served;

impl Sources for Deployments {
    fn source_map(&self, worker: &str, version: &str, url: &str) -> Option<String> {
        let served = Served { worker: worker.into(), version: version.into() };
        let loaded = self.shared.find(&served)?;
        let map = loaded.program.maps.json(&specifier_of_url(url)?)?;
        let mut map: Value = serde_json::from_str(map).ok()?;
        let workers = self.workers();
        let project = workers.iter().find(|project| project.name() == worker)?;
        let root = Url::from_directory_path(project.root()).ok()?;
        map.as_object_mut()?.insert("sourceRoot".to_owned(), root.as_str().into());
        Some(map.to_string())
    }
}
