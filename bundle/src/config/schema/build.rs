//! The keys that say how modules are bundled. What they do is `load`'s.

use super::super::Build;
use super::super::field::Field;
use crate::error::ConfigError;
use crate::load::{Rule, RuleType};

/// Reads a key if it is one of these; answers whether it is.
pub(super) fn key(build: &mut Build, field: &Field<'_>, key: &str) -> Result<bool, ConfigError> {
    match key {
        "jsx_factory" => build.jsx_factory = Some(field.nonempty_string()?.to_owned()),
        "jsx_fragment" => build.jsx_fragment = Some(field.nonempty_string()?.to_owned()),
        "minify" => build.minify = field.boolean()?,
        "keep_names" => build.keep_names = Some(field.boolean()?),
        "define" => build.define = pairs(field)?,
        "alias" => build.alias = pairs(field)?,
        "no_bundle" => build.no_bundle = field.boolean()?,
        "find_additional_modules" => build.find_additional_modules = Some(field.boolean()?),
        "base_dir" => build.base_dir = Some(field.nonempty_string()?.into()),
        "tsconfig" => {
            build.tsconfig = Some((field.nonempty_string()?.into(), field.location()));
        }
        "rules" => {
            build.rules = field.list()?.map(|rule| self::rule(&rule)).collect::<Result<_, _>>()?
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn pairs(field: &Field<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let pairs = field.table()?.iter().map(|entry| {
        let value = field.inner(entry).nonempty_string()?;
        Ok((entry.key.clone(), value.to_owned()))
    });
    pairs.collect()
}

/// An entry of `rules` (<https://developers.cloudflare.com/workers/wrangler/configuration/#bundling>).
fn rule(field: &Field<'_>) -> Result<Rule, ConfigError> {
    let (mut rule_type, mut globs, mut fallthrough) = (None, Vec::new(), false);
    for entry in field.table()? {
        let value = field.inner(entry);
        match entry.key.as_str() {
            "type" => rule_type = Some(self::rule_type(&value)?),
            "globs" => {
                let written = value.list()?.map(|glob| glob.nonempty_string().map(str::to_owned));
                globs = written.collect::<Result<_, _>>()?;
            }
            "fallthrough" => fallthrough = value.boolean()?,
            _ => {}
        }
    }
    let rule_type = rule_type.ok_or_else(|| field.error("expected a \"type\" in the rule"))?;
    if globs.is_empty() {
        return Err(field.error("expected \"globs\" in the rule"));
    }
    Ok(Rule { rule_type, globs, fallthrough })
}

fn rule_type(field: &Field<'_>) -> Result<RuleType, ConfigError> {
    match field.string()? {
        "ESModule" | "CommonJS" => Ok(RuleType::Script),
        "Text" => Ok(RuleType::Text),
        "Data" => Ok(RuleType::Data),
        "CompiledWasm" => Ok(RuleType::Wasm),
        other => Err(field.error(format!(
            "expected one of ESModule, CommonJS, Text, Data and CompiledWasm, found \"{other}\""
        ))),
    }
}
