//! Modules that no file stands behind: what `require` gets of a module that is only there for
//! `import`, and what stands in for modules and names that are lacking, so that a project that does
//! not need them runs. Their identifiers, and their texts.

/// What their identifiers begin with. The bundler's convention for such is the NUL.
const STAND_IN: &str = "\0isolane:";

/// A module that `require` makes of one that is only there for `import`.
const REQUIRED: &str = "\0isolane:require:";

/// A module that throws when it is required.
const ABSENT: &str = "\0isolane:absent:";

/// A module of Node.js that the runtime does not have: what is called of it throws.
const LACKING: &str = "\0isolane:lacking:";

/// A module of the runtime for who imports names from it that it does not have; the names follow.
const PARTLY: &str = "\0isolane:partly:";

/// The text of a module that is lacking, whatever its name.
const LACKING_TEXT: &str = include_str!("stand_ins/lacking.js");

/// The function that makes what cannot be called.
const THROWING: &str = include_str!("stand_ins/throwing.js");

/// Whether that is the identifier of one.
pub(super) fn is_one(id: &str) -> bool {
    id.starts_with(STAND_IN)
}

/// The identifier of what `require` gets of a module that is only there for `import`.
pub(super) fn required(module: &str) -> String {
    format!("{REQUIRED}{module}")
}

/// The identifier of a module that throws when it is required.
pub(super) fn absent(specifier: &str) -> String {
    format!("{ABSENT}{specifier}")
}

/// The identifier of a module of Node.js that the runtime does not have.
pub(super) fn lacking(module: &str) -> String {
    format!("{LACKING}{module}")
}

/// The identifier of a module of the runtime with names that it does not have.
pub(super) fn partly_provided(module: &str, missing: &[String]) -> String {
    format!("{PARTLY}{module}?{}", missing.join(","))
}

/// The text of the module with that identifier.
pub(super) fn text(id: &str) -> Option<String> {
    if let Some(module) = id.strip_prefix(REQUIRED) {
        return Some(required_text(module));
    }
    if let Some(module) = id.strip_prefix(LACKING) {
        return Some(format!("{THROWING}\n{}", LACKING_TEXT.replace("%MODULE%", module)));
    }
    if let Some(partly) = id.strip_prefix(PARTLY) {
        let (module, missing) = partly.split_once('?')?;
        return Some(partly_provided_text(provided::find(module)?, missing.split(',')));
    }
    id.strip_prefix(ABSENT).map(absent_text)
}

fn required_text(module: &str) -> String {
    // By this export a module says what `require` of it gives
    // (https://nodejs.org/api/modules.html#loading-ecmascript-modules-using-require).
    let module = json(module);
    format!("import value from {module};\nexport {{ value as \"module.exports\" }};\n")
}

fn absent_text(specifier: &str) -> String {
    // The getter throws each time that the module is required, not only the first.
    let is_behind_flag =
        provided::node_name(specifier).is_some_and(|it| provided::node(&it).is_some());
    let hint = if is_behind_flag { " The compatibility flag nodejs_compat has it." } else { "" };
    let message = json(&format!("No such module \"{specifier}\".{hint}"));
    format!(
        "Object.defineProperty(module, \"exports\", {{\n  get() {{\n    throw \
         Object.assign(new Error({message}), {{ code: \"MODULE_NOT_FOUND\" }});\n  }},\n}});\n"
    )
}

/// What the module has, and what it has not.
fn partly_provided_text<'a>(
    module: &provided::Module,
    missing: impl Iterator<Item = &'a str>,
) -> String {
    let specifier = json(module.specifier);
    let names = module.exports.replace(' ', ", ");
    let mut text = format!("export {{ {names}, default }} from {specifier};\n{THROWING}");
    for (index, name) in missing.enumerate() {
        let message = json(&format!(
            "{} has no {name} in this runtime: it cannot be called",
            module.specifier
        ));
        // What nobody uses is left out of the bundle.
        text.push_str(&format!(
            "const _{index} = /* @__PURE__ */ throwing({message});\n\
             export {{ _{index} as {name} }};\n"
        ));
    }
    text
}

/// The text as a string literal of JavaScript.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
