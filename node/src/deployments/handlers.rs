//! The handlers of a version that nothing calls yet, and what is said of them.

/// Those that are called. `trace` is an older name of `tail`.
const CALLED: [&str; 5] = ["fetch", "scheduled", "queue", "tail", "trace"];

/// What the author of a worker should know of its handlers, by the names that a start has found: those
/// of its default entrypoint by themselves, those of another behind its name and a dot. Nothing where
/// all are called.
pub fn uncalled_handlers(worker: &str, handlers: &[String]) -> Option<String> {
    let names = handlers.iter().map(String::as_str);
    let names: Vec<&str> = names.filter(|name| !is_called(name)).collect();
    let (last, others) = names.split_last()?;
    Some(match others {
        [] => format!("{worker} has the handler {last}, which Isolane does not call yet"),
        others => format!(
            "{worker} has the handlers {} and {last}, which Isolane does not call yet",
            others.join(", ")
        ),
    })
}

fn is_called(handler: &str) -> bool {
    let name = handler.rsplit_once('.').map_or(handler, |(_, name)| name);
    CALLED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_not_called_are_named_together() {
        let said = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            uncalled_handlers("shop", &names)
        };
        let has =
            |what: &str| Some(format!("shop has the {what}, which Isolane does not call yet"));
        assert_eq!(said(&["fetch", "scheduled", "queue", "tail", "Admin.fetch"]), None);
        assert_eq!(said(&["fetch", "email"]), has("handler email"));
        let all = ["fetch", "email", "tailStream", "Admin.email"];
        assert_eq!(said(&all), has("handlers email, tailStream and Admin.email"));
    }
}
