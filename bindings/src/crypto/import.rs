//! What deno_crypto does not ask of a key that is imported: whether its parts belong together, and
//! whether it is one at all. It answers afterwards, so that what deno_crypto finds wrong is said
//! first. Not here: each kind of key (`import/`).

mod curves;
mod okp;
mod rsa;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use deno_core::v8;

use super::request::Request;
use super::values::{bytes_in, member, short};

/// As deno_crypto reads them.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is wrong with a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The name of the `DOMException`.
    pub(super) name: &'static str,
    pub(super) message: String,
}

type Checked = Result<(), Fault>;

fn fault(name: &'static str, message: impl Into<String>) -> Fault {
    Fault { name, message: message.into() }
}

fn data_error(message: impl Into<String>) -> Fault {
    fault("DataError", message)
}

/// The material of a key in one of its forms.
#[derive(Debug)]
enum Material {
    Raw(Vec<u8>),
    Spki(Vec<u8>),
    Pkcs8(Vec<u8>),
    Jwk(Jwk),
}

/// What a check depends on of a JSON Web Key; of what is no text nothing is known.
#[derive(Debug, Default)]
struct Jwk {
    members: Vec<(&'static str, String)>,
    /// As they stand there.
    operations: Vec<String>,
}

/// Members that are names.
const NAMES: [&str; 4] = ["alg", "crv", "kty", "use"];
/// Members that are text. Of those deno_crypto looks at itself, some are read too leniently.
const MEMBERS: [&str; 14] =
    ["alg", "crv", "d", "dp", "dq", "e", "kty", "n", "p", "q", "qi", "use", "x", "y"];

impl Jwk {
    fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// A member that is bytes.
    fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Fault> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let bytes = BASE64.decode(text);
        bytes
            .map(Some)
            .map_err(|_| data_error(format!("'{name}' of the JSON Web Key is no base64url")))
    }

    /// The same, which has to be there.
    fn needs(&self, name: &str) -> Result<Vec<u8>, Fault> {
        self.bytes(name)?
            .ok_or_else(|| data_error(format!("'{name}' of the JSON Web Key is missing")))
    }

    fn is(&self, name: &str, expected: &[&str]) -> Checked {
        match self.get(name) {
            Some(value) if !expected.contains(&value) => Err(data_error(format!(
                "'{name}' of the JSON Web Key must be '{}'",
                expected.join("' or '")
            ))),
            _ => Ok(()),
        }
    }

    /// RFC 7517, section 4.3.
    fn has_no_operation_twice(&self) -> Checked {
        let mut seen: Vec<_> = self.operations.iter().collect();
        seen.sort();
        match seen.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                Err(data_error(format!("'key_ops' of the JSON Web Key has '{}' twice", pair[0])))
            }
            None => Ok(()),
        }
    }
}

/// What is wrong with the key that a call of `importKey` is given.
pub(super) fn check(
    scope: &mut v8::PinScope<'_, '_>,
    request: &Request,
    arguments: v8::Local<'_, v8::Array>,
) -> Checked {
    let Some(material) = read(scope, arguments) else { return Ok(()) };
    check_material(&request.algorithm, &request.curve, &material)
}

fn check_material(algorithm: &str, curve: &str, material: &Material) -> Checked {
    if let Material::Jwk(jwk) = material {
        jwk.has_no_operation_twice()?;
    }
    match algorithm {
        "RSASSA-PKCS1-V1_5" | "RSA-PSS" | "RSA-OAEP" => rsa::check(material),
        "ECDSA" | "ECDH" => curves::check(curve, material),
        "ED25519" | "X25519" | "X448" => okp::check(algorithm, material),
        _ => Ok(()),
    }
}

/// The material, where it is one: what is not, deno_crypto refuses.
fn read(scope: &mut v8::PinScope<'_, '_>, arguments: v8::Local<'_, v8::Array>) -> Option<Material> {
    let format = arguments.get_index(scope, 0)?;
    let format = short(scope, format);
    let value = arguments.get_index(scope, 1)?;
    if format == "jwk" {
        let object = v8::Local::<v8::Object>::try_from(value).ok()?;
        return Some(Material::Jwk(read_jwk(scope, object)));
    }
    let bytes = bytes_in(scope, value)?;
    Some(match &*format {
        "raw" | "raw-public" => Material::Raw(bytes),
        "spki" => Material::Spki(bytes),
        "pkcs8" => Material::Pkcs8(bytes),
        _ => return None,
    })
}

/// The members are plain values (`crypto_arguments.js`), and those that are no names have been
/// weighed (`values::bytes_of`).
fn read_jwk(scope: &mut v8::PinScope<'_, '_>, object: v8::Local<'_, v8::Object>) -> Jwk {
    let mut jwk = Jwk::default();
    for name in MEMBERS {
        if let Some(value) = member(scope, object, name).filter(|value| value.is_string()) {
            let text = match NAMES.contains(&name) {
                true => short(scope, value),
                false => value.to_rust_string_lossy(scope),
            };
            jwk.members.push((name, text));
        }
    }
    if let Some(list) = member(scope, object, "key_ops")
        && let Ok(list) = v8::Local::<v8::Array>::try_from(list)
    {
        for index in 0..list.length() {
            if let Some(value) = list.get_index(scope, index).filter(|value| value.is_string()) {
                jwk.operations.push(short(scope, value));
            }
        }
    }
    jwk
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Jwk {
        fn of(members: &[(&'static str, &str)]) -> Jwk {
            let members = members.iter().map(|(name, value)| (*name, (*value).to_owned()));
            Jwk { members: members.collect(), operations: Vec::new() }
        }
    }

    pub(in super::super) fn base64(bytes: &[u8]) -> String {
        BASE64.encode(bytes)
    }

    pub(super) fn jwk(members: &[(&'static str, &str)]) -> Material {
        Material::Jwk(Jwk::of(members))
    }

    /// The name of the fault.
    pub(super) fn faults(
        algorithm: &str,
        curve: &str,
        material: &Material,
    ) -> Option<&'static str> {
        check_material(algorithm, curve, material).err().map(|fault| fault.name)
    }

    #[test]
    fn an_operation_stands_there_once() {
        let operations = |operations: &[&str]| {
            let operations = operations.iter().map(|&operation| operation.to_owned()).collect();
            Material::Jwk(Jwk { members: Vec::new(), operations })
        };
        assert_eq!(faults("HMAC", "", &operations(&["sign", "verify"])), None);
        assert_eq!(faults("HMAC", "", &operations(&["sign", "x", "sign"])), Some("DataError"));
    }

    proptest! {
        #[test]
        fn nothing_that_is_imported_panics(
            algorithm in prop::sample::select(vec!["RSA-PSS", "ECDSA", "ED25519", "X25519", "X448"]),
            curve in prop::sample::select(vec!["P-256", "P-384", "P-521", "P-1", ""]),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            texts in prop::collection::vec("[A-Za-z0-9_=-]{0,100}", 14),
            present in any::<u16>(),
        ) {
            for material in [Material::Raw(bytes.clone()), Material::Spki(bytes.clone()), Material::Pkcs8(bytes.clone())] {
                let _ = check_material(algorithm, curve, &material);
            }
            let members = MEMBERS.iter().zip(&texts).enumerate();
            let members = members.filter(|(index, _)| present >> index & 1 == 1);
            let members = members.map(|(_, (name, text))| (*name, text.clone())).collect();
            let _ = check_material(algorithm, curve, &Material::Jwk(Jwk { members, operations: Vec::new() }));
        }
    }
}
