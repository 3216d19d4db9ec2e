//! The modules that are not of the project and not of npm: those of Node.js and of Workers. Which
//! of them a worker can import is decided by its compatibility flags.

use compatibility::Flag;

use crate::settings::Settings;

/// Whether a worker with those settings gets that module of Node.js.
pub(super) fn is_provided(module: &str, settings: &Settings) -> bool {
    let compatibility = settings.compatibility();
    let is_granted = compatibility.has(Flag::NodejsCompat)
        || (module == provided::ASYNC_HOOKS && compatibility.has(Flag::NodejsAls));
    is_granted && provided::node(module).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_decide_what_a_worker_gets() {
        let settings = |flag: &str| Settings {
            compatibility_flags: vec![flag.to_owned()],
            ..Settings::default()
        };
        for (flag, buffer, hooks) in [
            ("nodejs_compat", true, true),
            ("nodejs_compat_v2", true, true),
            ("nodejs_als", false, true),
            ("no_nodejs_als", false, false),
            ("other", false, false),
        ] {
            assert_eq!(is_provided("node:buffer", &settings(flag)), buffer, "{flag}");
            assert_eq!(is_provided("node:async_hooks", &settings(flag)), hooks, "{flag}");
            assert!(!is_provided("node:fs", &settings(flag)), "{flag}");
        }
    }
}
