//! Errors on the terminal, and the exit code that each has.

use std::process::ExitCode;

use node::{ConfigError, DeployError, StartError};

/// Bad arguments or configuration.
pub(crate) const BAD_CONFIGURATION: u8 = 2;

/// Prints an error; answers the exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let red = crate::terminal::ERROR;
    anstream::eprintln!("{red}error{red:#}: {error:#}");
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    let bad_configuration = error.is::<ConfigError>()
        || error.is::<DeployError>()
        || matches!(error.downcast_ref(), Some(StartError::Deploy(_) | StartError::Tls(_)));
    if bad_configuration { BAD_CONFIGURATION } else { 1 }
}
