//! The handlers of a version that nothing calls yet, and what is said of them.

/// The one that is called.
const CALLED: &str = "fetch";

/// What the author of a worker should know of its handlers, by the names that a start has found; nothing
/// where all are called.
pub fn uncalled_handlers(worker: &str, handlers: &[String]) -> Option<String> {
    let names: Vec<&str> = handlers.iter().map(String::as_str).filter(|it| *it != CALLED).collect();
    let (last, others) = names.split_last()?;
    Some(match others {
        [] => format!("{worker} has the handler {last}, which Isolane does not call yet"),
        others => format!(
            "{worker} has the handlers {} and {last}, which Isolane does not call yet",
            others.join(", ")
        ),
    })
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
        assert_eq!(said(&["fetch"]), None);
        assert_eq!(said(&["fetch", "scheduled"]), has("handler scheduled"));
        let all = ["fetch", "scheduled", "queue", "email"];
        assert_eq!(said(&all), has("handlers scheduled, queue and email"));
    }
}
