//! Whose a worker is, where the workers of a node take turns, have parts of something or call each
//! other. Who may deploy which workers is the configuration's (`config/deployers.rs`).

use std::sync::Arc;

use crate::config::{Config, Names};

/// Who takes turns with others. A deployer is one however many workers they have; workers of
/// the operator's are each for themselves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// A deployer, by name.
    Deployer(Arc<str>),
    /// A worker that is no deployer's.
    Worker(Arc<str>),
}

/// The workers of the deployers.
pub(super) struct Owners(Vec<(Arc<str>, Names)>);

impl Owners {
    pub(super) fn new(config: &Config) -> Self {
        let deployers = config.admin.deployers.iter();
        let names =
            deployers.map(|deployer| (deployer.name.as_str().into(), deployer.workers.clone()));
        Self(names.collect())
    }

    /// Whose the worker of that name is.
    pub(super) fn of(&self, worker: &Arc<str>) -> Owner {
        // No two deployers have the same worker.
        match self.0.iter().find(|(_, names)| names.have(worker)) {
            Some((deployer, _)) => Owner::Deployer(Arc::clone(deployer)),
            None => Owner::Worker(Arc::clone(worker)),
        }
    }

    /// Whether one worker may call another: a deployer's may call the deployer's, the operator's all.
    pub(super) fn may_call(&self, caller: &Arc<str>, callee: &Arc<str>) -> bool {
        match self.of(caller) {
            Owner::Worker(_) => true,
            deployer @ Owner::Deployer(_) => self.of(callee) == deployer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployer_is_one_however_many_workers_they_have() {
        let text = "[admin]\ntoken_file = 'operator'\n[[admin.deployers]]\nname = 'shop'
            token_file = 'shop.token'\nworkers = ['shop', 'shop-*']";
        let owners = Owners::new(&Config::parse("node.toml".as_ref(), text).unwrap());
        let of = |worker: &str| owners.of(&worker.into());
        assert_eq!(of("shop"), Owner::Deployer("shop".into()));
        assert_eq!(of("shop-7"), of("shop"));
        assert_eq!(of("shopping"), Owner::Worker("shopping".into()));
        assert_ne!(of("blog"), of("news"));
    }

    #[test]
    fn a_deployers_workers_call_the_deployers_alone() {
        let text = "[admin]\ntoken_file = 'operator'\n[[admin.deployers]]\nname = 'shop'
            token_file = 'shop.token'\nworkers = ['shop', 'shop-*']\n[[admin.deployers]]
            name = 'blog'\ntoken_file = 'blog.token'\nworkers = ['blog']";
        let owners = Owners::new(&Config::parse("node.toml".as_ref(), text).unwrap());
        let may = |caller: &str, callee: &str| owners.may_call(&caller.into(), &callee.into());
        assert!(may("shop", "shop-7") && may("shop", "shop"));
        assert!(!may("shop", "blog") && !may("shop", "internal") && !may("blog", "shop"));
        assert!(may("internal", "shop") && may("internal", "other"));
    }
}
