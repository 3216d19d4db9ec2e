//! The path and the query of a request, decoded.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::answer::Fault;
use super::routes::Parameter;

/// The parameters of a request.
pub(super) struct Query(Vec<(String, String)>);

/// The segments of a path. A `%2F` in one is part of it.
pub(super) fn segments(path: &str) -> Result<Vec<Cow<'_, str>>, Fault> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/')
        .map(|segment| {
            percent_decode_str(segment)
                .decode_utf8()
                .map_err(|_| Fault::bad_request("the path is not UTF-8"))
        })
        .collect()
}

impl Query {
    /// Reads a query that may have these parameters, each once if it is no list: a misspelt one does not
    /// pass in silence.
    pub(super) fn parse(query: Option<&str>, known: &[Parameter]) -> Result<Self, Fault> {
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else {
                return Err(Fault::bad_request(format!("there is no parameter {name:?} here")));
            };
            if !parameter.is_list() && found.iter().any(|(other, _)| *other == name) {
                return Err(Fault::bad_request(format!("the parameter {name:?} is there twice")));
            }
            found.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(found))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// All of a parameter that may be there several times.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is a whole number.
    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, Fault> {
        let parse = |value: &str| {
            value.parse().map_err(|_| {
                Fault::bad_request(format!("expected a whole number as {name}, found {value:?}"))
            })
        };
        self.get(name).map(parse).transpose()
    }

    /// A parameter that is `true` or `false`; absent, it is `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(value) => Err(Fault::bad_request(format!(
                "expected true or false as {name}, found {value:?}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_may_have_any_character() {
        let found = segments("/values/a%2Fb%20%C3%BC/").unwrap();
        assert_eq!(found, ["values", "a/b ü", ""]);
        assert_eq!(segments("/%ff").unwrap_err().message, "the path is not UTF-8");
    }

    #[test]
    fn a_flag_is_true_or_false() {
        let known = [Parameter::flag("dry_run", "")];
        let flag = |query| Query::parse(query, &known).unwrap().flag("dry_run");
        assert!(flag(Some("dry_run=true")).unwrap());
        assert!(!flag(Some("dry_run=false")).unwrap());
        assert!(!flag(None).unwrap());
        let message = flag(Some("dry_run")).unwrap_err().message;
        assert_eq!(message, "expected true or false as dry_run, found \"\"");
    }

    #[test]
    fn a_parameter_is_known_and_there_once() {
        let known = [Parameter::whole("limit", ""), Parameter::text("prefix", "")];
        let query = Query::parse(Some("limit=7&prefix=a%26+b"), &known).unwrap();
        assert_eq!(query.whole("limit").unwrap(), Some(7));
        assert_eq!(query.get("prefix"), Some("a& b"));
        for wrong in ["limti=7", "limit=7&limit=8"] {
            assert!(Query::parse(Some(wrong), &known).is_err(), "{wrong}");
        }
        let query = Query::parse(Some("limit=7.5"), &known).unwrap();
        let message = query.whole("limit").unwrap_err().message;
        assert_eq!(message, "expected a whole number as limit, found \"7.5\"");
    }

    #[test]
    fn a_list_may_be_there_several_times() {
        let known = [Parameter::list("worker", ""), Parameter::text("status", "")];
        let query = Query::parse(Some("worker=a&status=ok&worker=b"), &known).unwrap();
        assert_eq!(query.all("worker").collect::<Vec<_>>(), ["a", "b"]);
        assert!(Query::parse(Some("status=ok&status=ok"), &known).is_err());
        assert_eq!(Query::parse(None, &known).unwrap().all("worker").count(), 0);
    }
}
