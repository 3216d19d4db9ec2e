//! Errors on the terminal, and the exit code that each has.

use std::process::ExitCode;

use bundle::{BundleError, Location};
use node::{AdminError, ConfigError, DeployError, StartError, TokenError};
use thiserror::Error;

/// Bad arguments or configuration.
pub(crate) const BAD_CONFIGURATION: u8 = 2;

/// An argument that only a look at the world shows to be wrong.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct BadArgument(pub(crate) String);

/// Prints an error; answers the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let red = crate::terminal::ERROR;
    anstream::eprintln!("{red}error{red:#}: {}", explain(error));
    if let Some(stack) = crate::admin::refusal(error).and_then(|refusal| refusal.detail("stack")) {
        let dim = crate::terminal::DIM;
        for frame in stack.lines().filter(|line| line.starts_with("    at ")) {
            anstream::eprintln!("{dim}{frame}{dim:#}");
        }
    }
    ExitCode::from(code(error))
}

/// The error and its causes. Many errors say their cause themselves; it is not said twice.
pub(crate) fn explain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

/// The place in a worker's files that an error is about.
pub(crate) fn location(error: &anyhow::Error) -> Option<&Location> {
    bundle_error(error)?.location()
}

/// The exit code for an error.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    let bad_configuration = match (bundle_error(error), deploy_error(error)) {
        (Some(error), _) => !is_in_code(error),
        (None, Some(_)) => true,
        (None, None) => {
            error.is::<ConfigError>()
                || error.is::<BadArgument>()
                || error.is::<TokenError>()
                || matches!(error.downcast_ref(), Some(StartError::Tls(_)))
                || matches!(error.downcast_ref(), Some(AdminError::Token(_) | AdminError::Tls(_)))
        }
    };
    if bad_configuration { BAD_CONFIGURATION } else { 1 }
}

/// Whether what is wrong with a project is in its modules, and not in its configuration.
fn is_in_code(error: &BundleError) -> bool {
    matches!(
        error,
        BundleError::Source(_)
            | BundleError::CustomBuild { .. }
            | BundleError::TooBig { .. }
            | BundleError::Bundler { .. }
    )
}

/// What is wrong with a project.
fn bundle_error(error: &anyhow::Error) -> Option<&BundleError> {
    match deploy_error(error) {
        Some(DeployError::Bundle(load)) => Some(&load.error),
        Some(_) => None,
        None => error.downcast_ref(),
    }
}

fn deploy_error(error: &anyhow::Error) -> Option<&DeployError> {
    match error.downcast_ref() {
        Some(StartError::Deploy(deploy)) => Some(deploy),
        _ => error.downcast_ref(),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let full = anyhow!("no such file").context("cannot read a: no such file").context("oh");
        assert_eq!(explain(&full), "oh: cannot read a: no such file");
    }
}
