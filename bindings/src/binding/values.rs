//! The kinds of bindings that are values: variables, secrets, and what stands in for a binding that the
//! runtime does not have. Their scripts are told all there is to know; no op is behind them.

use serde::Deserialize;

use super::{Binding, Grant, GrantError, Grantee, Inside, kinds};

/// Its `bind` answers what it is told, and notes it for `process.env`.
const VARIABLES: &str = "ext:isolane_bindings/variables.js";
/// Its `bind` answers an object whose use throws.
const MISSING: &str = "ext:isolane_bindings/missing_bindings.js";

/// A variable of any type.
pub(super) struct Json;
/// A variable that is a text.
pub(super) struct PlainText;
/// A secret.
pub(super) struct SecretText;
/// What the runtime does not have.
pub(super) struct Unsupported;

/// What is said of something that the runtime does not have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The key of the configuration that asks for it.
    key: String,
}

/// What a script is told.
struct Told {
    script: &'static str,
    details: serde_json::Value,
}

impl Told {
    fn boxed(script: &'static str, details: impl Into<serde_json::Value>) -> Box<dyn Grant> {
        Box::new(Self { script, details: details.into() })
    }
}

impl Grant for Told {
    fn script(&self) -> &'static str {
        self.script
    }

    fn details(&mut self) -> serde_json::Value {
        self.details.take()
    }

    fn install(&self, _: &mut Inside<'_>) -> u32 {
        0
    }
}

impl Binding for Json {
    const KIND: &'static str = kinds::JSON;
    type Config = serde_json::Value;

    fn grant(&self, value: Self::Config, _: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError> {
        Ok(Told::boxed(VARIABLES, value))
    }
}

impl Binding for PlainText {
    const KIND: &'static str = kinds::PLAIN_TEXT;
    type Config = String;

    fn grant(&self, text: Self::Config, _: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError> {
        Ok(Told::boxed(VARIABLES, text))
    }
}

impl Binding for SecretText {
    const KIND: &'static str = kinds::SECRET_TEXT;
    type Config = String;

    fn grant(&self, text: Self::Config, _: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError> {
        Ok(Told::boxed(VARIABLES, text))
    }
}

impl Binding for Unsupported {
    const KIND: &'static str = kinds::UNSUPPORTED;
    type Config = Asked;

    fn grant(&self, asked: Self::Config, _: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError> {
        Ok(Told::boxed(MISSING, asked.key))
    }
}
