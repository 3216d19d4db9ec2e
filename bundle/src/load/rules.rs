//! What a file is: a script, JSON, or a module that is handed to its importers as text, bytes or
//! compiled Wasm. The project's `rules` come first, then the defaults.

use std::path::Path;

use fast_glob::glob_match;

/// The first bytes of compiled Wasm (WebAssembly Core Specification, section 5.5.16).
pub(super) const WASM_MAGIC: &[u8] = b"\0asm";

/// The extensions that a file can be imported with when no rule says otherwise, for messages.
pub(super) const KNOWN_EXTENSIONS: &str = ".js, .mjs, .cjs, .ts, .mts, .cts, .jsx, .tsx, .json, \
     .txt, .html, .htm, .sql, .css, .csv, .md, .svg, .xml, .graphql, .gql, .bin and .wasm";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FileKind {
    Script(Language),
    Json,
    Text,
    Data,
    Wasm,
}

/// What a script's extension says about its syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    /// With JSX, as wrangler reads `.js` files.
    JavaScript,
    TypeScript,
    TypeScriptJsx,
}

/// What an entry of `rules` makes of the files that it matches
/// (<https://developers.cloudflare.com/workers/wrangler/configuration/#bundling>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleType {
    Script,
    Text,
    Data,
    Wasm,
}

/// An entry of `rules`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) rule_type: RuleType,
    pub(crate) globs: Vec<String>,
    /// Whether later rules of the type, the defaults too, still count.
    pub(crate) fallthrough: bool,
}

impl RuleType {
    /// The type as the configuration names it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Script => "ESModule",
            Self::Text => "Text",
            Self::Data => "Data",
            Self::Wasm => "CompiledWasm",
        }
    }
}

/// The rules of a project, the defaults among them.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
    /// The rules that do not count, because of an earlier one of their type.
    replaced: Vec<Rule>,
}

/// Why a rule does not count.
#[derive(Debug)]
pub(super) struct Replaced<'a> {
    pub(super) glob: &'a str,
    /// The rule that does instead.
    pub(super) by: &'a Rule,
}

impl Rules {
    /// The configured rules and those defaults that they do not replace.
    pub(crate) fn new(configured: &[Rule]) -> Self {
        let defaults = [
            (RuleType::Text, &["txt", "html", "sql"][..]),
            // More than wrangler has, and nothing else could be meant by them.
            (RuleType::Text, &["htm", "css", "csv", "md", "svg", "xml", "graphql", "gql"]),
            (RuleType::Data, &["bin"]),
            (RuleType::Wasm, &["wasm"]),
        ];
        let defaults = defaults.map(|(rule_type, extensions)| Rule {
            rule_type,
            globs: extensions.iter().map(|extension| format!("**/*.{extension}")).collect(),
            fallthrough: true,
        });
        let (mut rules, mut replaced): (Vec<Rule>, Vec<Rule>) = Default::default();
        for rule in configured.iter().chain(&defaults) {
            let is_replaced = rules.iter().any(|other| other.replaces(rule));
            if is_replaced { &mut replaced } else { &mut rules }.push(rule.clone());
        }
        Self { rules, replaced }
    }

    /// The kind of a file that a rule is about, not its extension alone.
    pub(super) fn named(&self, below: &str) -> Option<FileKind> {
        let is_named = self.rules.iter().any(|rule| rule.glob_of(below).is_some());
        self.kind(below).filter(|_| is_named)
    }

    /// The kind of the file at that path below the project's root, with forward slashes; `None`
    /// when nothing tells it.
    pub(super) fn kind(&self, below: &str) -> Option<FileKind> {
        let path = Path::new(below);
        let rule = self.rules.iter().find(|rule| rule.glob_of(below).is_some());
        match rule.map(|rule| rule.rule_type) {
            Some(RuleType::Script) => {
                Some(FileKind::Script(language(path).unwrap_or(Language::JavaScript)))
            }
            Some(RuleType::Text) => Some(FileKind::Text),
            Some(RuleType::Data) => Some(FileKind::Data),
            Some(RuleType::Wasm) => Some(FileKind::Wasm),
            None if path.extension().is_some_and(|extension| extension == "json") => {
                Some(FileKind::Json)
            }
            None => language(path).map(FileKind::Script),
        }
    }

    /// The rule that would tell the kind of a file if no other replaced it.
    pub(super) fn replaced(&self, below: &str) -> Option<Replaced<'_>> {
        self.replaced.iter().find_map(|rule| {
            let glob = rule.glob_of(below)?;
            let by = self.rules.iter().find(|other| other.replaces(rule))?;
            Some(Replaced { glob, by })
        })
    }
}

impl Rule {
    /// Whether a later rule does not count because of this one.
    fn replaces(&self, later: &Self) -> bool {
        self.rule_type == later.rule_type && !self.fallthrough
    }

    /// The pattern that a file matches.
    fn glob_of(&self, below: &str) -> Option<&str> {
        let globs = self.globs.iter().map(|glob| glob.trim_end_matches("?module"));
        globs.into_iter().find(|glob| matches(glob, below))
    }
}

/// Whether a pattern means a file. Most mean an extension, and each import of a project asks for all of
/// them: for these there is a quicker way than to match.
fn matches(glob: &str, below: &str) -> bool {
    let end = glob.strip_prefix("**/*").filter(|end| {
        let mut rest = end.bytes();
        rest.next() == Some(b'.') && rest.all(|byte| byte.is_ascii_alphanumeric())
    });
    match end {
        Some(end) => below.ends_with(end),
        None => glob_match(glob, below),
    }
}

/// Whether a file is JavaScript or TypeScript, and so can be a main module.
pub(crate) fn is_script(path: &Path) -> bool {
    language(path).is_some()
}

fn language(path: &Path) -> Option<Language> {
    match path.extension()?.to_str()? {
        "js" | "mjs" | "cjs" | "jsx" => Some(Language::JavaScript),
        "ts" | "mts" | "cts" => Some(Language::TypeScript),
        "tsx" => Some(Language::TypeScriptJsx),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(rule_type: RuleType, glob: &str, fallthrough: bool) -> Rule {
        Rule { rule_type, globs: vec![glob.to_owned()], fallthrough }
    }

    #[test]
    fn the_extension_tells_the_kind_where_no_rule_does() {
        let rules = Rules::new(&[]);
        for (path, expected) in [
            ("a.js", Some(FileKind::Script(Language::JavaScript))),
            ("x/a.cjs", Some(FileKind::Script(Language::JavaScript))),
            ("a.mts", Some(FileKind::Script(Language::TypeScript))),
            ("a.tsx", Some(FileKind::Script(Language::TypeScriptJsx))),
            ("a.json", Some(FileKind::Json)),
            ("a.txt", Some(FileKind::Text)),
            ("x/y/a.html", Some(FileKind::Text)),
            ("../node_modules/x/a.sql", Some(FileKind::Text)),
            ("a.css", Some(FileKind::Text)),
            ("a.bin", Some(FileKind::Data)),
            ("a.wasm", Some(FileKind::Wasm)),
            ("a.png", None),
            ("a", None),
        ] {
            assert_eq!(rules.kind(path), expected, "{path}");
        }
    }

    #[test]
    fn a_pattern_for_an_extension_means_what_others_mean() {
        let paths = ["a.txt", "x/a.txt", "../x/y.z/a.txt", ".txt", "x/.txt", "a.txt/b", "atxt", ""];
        for path in paths {
            for glob in ["**/*.txt", "**/*.x", "**/*.t?t", "**/*.{txt,md}", "*.txt", "**/*"] {
                assert_eq!(matches(glob, path), glob_match(glob, path), "{glob} {path}");
            }
        }
    }

    #[test]
    fn messages_name_each_extension_that_is_known() {
        let rules = Rules::new(&[]);
        let words = KNOWN_EXTENSIONS.split([',', ' ']);
        let named: Vec<&str> = words.filter(|word| word.starts_with('.')).collect();
        for extension in &named {
            assert!(rules.kind(&format!("a{extension}")).is_some(), "{extension}");
        }
        for glob in rules.rules.iter().flat_map(|rule| &rule.globs) {
            let extension = glob.trim_start_matches("**/*");
            assert!(named.contains(&extension), "{extension}");
        }
    }

    #[test]
    fn a_rule_replaces_the_defaults_of_its_type_unless_it_falls_through() {
        let rules = Rules::new(&[rule(RuleType::Text, "**/*.tmpl", false)]);
        assert_eq!(rules.kind("views/a.tmpl"), Some(FileKind::Text));
        assert_eq!(rules.kind("a.txt"), None);
        assert_eq!(rules.kind("a.bin"), Some(FileKind::Data));

        let rules = Rules::new(&[
            rule(RuleType::Text, "**/*.tmpl", true),
            rule(RuleType::Data, "fonts/**", true),
            rule(RuleType::Data, "**/*.png", false),
        ]);
        assert_eq!(rules.kind("a.txt"), Some(FileKind::Text));
        assert_eq!(rules.kind("fonts/x/a.js"), Some(FileKind::Data));
        assert_eq!(rules.kind("a.png"), Some(FileKind::Data));
        assert_eq!(rules.kind("a.bin"), None);
    }

    #[test]
    fn a_rule_can_make_a_script_of_any_file() {
        let rules = Rules::new(&[rule(RuleType::Script, "**/*.es", false)]);
        assert_eq!(rules.kind("a.es"), Some(FileKind::Script(Language::JavaScript)));
        assert_eq!(rules.kind("a.ts"), Some(FileKind::Script(Language::TypeScript)));
    }
}
