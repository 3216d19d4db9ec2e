//! The workers that a version refers to: those that it calls, and those that are told of its events. As on
//! Workers they have to be there when it is deployed.

use anyhow::bail;
use bundle::Bundle;
use http::StatusCode;

use crate::admin::{self, Api};
use crate::output::plain;

/// What a version refers to in vain; what to do about it is the same of all.
const WHAT_TO_DO: &str = "deploy that worker first (`isolane deploy` in its project), take it out of \
    the configuration, or say --force where the two refer to each other";

/// What of a version leads nowhere on that node, a sentence each.
///
/// # Errors
/// When the node does not say which workers it has.
pub(super) async fn missing(api: &mut Api, bundle: &Bundle) -> anyhow::Result<Vec<String>> {
    let settings = &bundle.settings;
    let services = settings.services.iter().map(|service| {
        let what = format!("the service binding {} calls", plain(&service.binding));
        (service.service.as_str(), what)
    });
    let tails = settings.tail_consumers.iter().map(|worker| {
        let what = "\"tail_consumers\" has its events told to".to_owned();
        (worker.as_str(), what)
    });
    let mut missing = Vec::new();
    for (worker, what) in services.chain(tails) {
        if worker != bundle.name && !is_there(api, worker).await? {
            let (worker, url) = (plain(worker), api.url());
            missing.push(format!("{what} the worker {worker}, which is not on {url}"));
        }
    }
    Ok(missing)
}

/// Refuses what leads nowhere.
///
/// # Errors
/// When anything does.
pub(super) fn refuse(worker: &str, missing: &[String]) -> anyhow::Result<()> {
    match missing {
        [] => Ok(()),
        missing => bail!("{worker} is not deployed: {}: {WHAT_TO_DO}", missing.join("; ")),
    }
}

async fn is_there(api: &mut Api, worker: &str) -> anyhow::Result<bool> {
    match api.worker(worker).await {
        Ok(found) => Ok(found.is_some()),
        // It is not for this deployer to know, and the node says what they may not refer to.
        Err(error) if is_forbidden(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_forbidden(error: &anyhow::Error) -> bool {
    admin::refusal(error).is_some_and(|refusal| refusal.status == StatusCode::FORBIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_leads_nowhere_is_named_with_what_to_do() {
        refuse("shop", &[]).unwrap();
        let missing = ["one is missing".to_owned(), "another is".to_owned()];
        let message = refuse("shop", &missing).unwrap_err().to_string();
        let first = "shop is not deployed: one is missing; another is: deploy that worker first";
        assert!(message.starts_with(first), "{message}");
    }
}
