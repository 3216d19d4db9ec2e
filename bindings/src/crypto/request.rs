//! A call of Web Crypto, read from the very values that deno_crypto is called with, and the bounds
//! of what it may be asked. Not here: what it costs (`cost.rs`).

use deno_core::v8;
use deno_error::JsErrorBox;

use super::values::{bytes_of, member, name_of, number, text};

/// As on Workers; a hundred thousand take some 50 ms.
const MAX_ITERATIONS: f64 = 100_000.0;
/// Bits of an RSA key that is made.
pub(super) const MAX_MODULUS: f64 = 4096.0;
/// Bits of a digest of any length, of a derived or a generated key.
const MAX_OUTPUT_BITS: f64 = (8 << 20) as f64;
/// Bytes of a salt of RSA-PSS: more than the longest key has.
const MAX_PSS_SALT: f64 = 1024.0;
/// Bytes of a key that is a secret, in any form.
const MAX_SECRET: f64 = (8 << 20) as f64;
/// Bytes of a key that is not, in any form: the largest are RSA's and those of SLH-DSA.
const MAX_MATERIAL: f64 = (64 << 10) as f64;
/// Members of an algorithm that are bytes and are hashed or copied.
const EXTRAS: [&str; 8] = [
    "additionalData",
    "context",
    "counter",
    "customization",
    "functionName",
    "info",
    "iv",
    "label",
];
/// What a call's cost depends on.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) call: String,
    /// Upper case; empty where none is given.
    pub(super) algorithm: String,
    pub(super) hash: String,
    pub(super) curve: String,
    /// Bits of the key.
    pub(super) key_bits: f64,
    /// Bytes that are encrypted, signed, hashed or imported.
    pub(super) data: f64,
    /// Bytes that the algorithm takes beside them.
    pub(super) extras: f64,
    pub(super) salt: f64,
    pub(super) iterations: f64,
    pub(super) output_bits: f64,
    pub(super) modulus_bits: f64,
    pub(super) pss_salt: f64,
    /// Whether there is one: zero may stand for none.
    pub(super) has_pss_salt: bool,
    /// Of the key, whatever the call's algorithm says.
    pub(super) key_hash: String,
    pub(super) key_curve: String,
    /// Whether aws-lc-rs makes the call, and not deno_crypto.
    pub(super) is_own: bool,
}

/// Which arguments of a call say what, by their index.
struct Layout {
    algorithm: Option<u32>,
    data: &'static [u32],
    /// The algorithm of a key that is derived or unwrapped.
    made: Option<u32>,
    length: Option<u32>,
}

fn layout(call: &str) -> Option<Layout> {
    let of = |algorithm: u32, data: &'static [u32]| Layout {
        algorithm: Some(algorithm),
        data,
        made: None,
        length: None,
    };
    Some(match call {
        "digest" => of(0, &[1]),
        "encrypt" | "decrypt" | "sign" => of(0, &[2]),
        "verify" => of(0, &[2, 3]),
        "deriveBits" => Layout { length: Some(2), ..of(0, &[]) },
        "deriveKey" => Layout { made: Some(2), ..of(0, &[]) },
        "generateKey" | "encapsulateBits" => of(0, &[]),
        "encapsulateKey" => Layout { made: Some(2), ..of(0, &[]) },
        "decapsulateBits" => of(0, &[2]),
        "decapsulateKey" => Layout { made: Some(3), ..of(0, &[2]) },
        "importKey" => of(2, &[1]),
        "wrapKey" => of(3, &[]),
        "unwrapKey" => Layout { made: Some(4), ..of(3, &[1]) },
        "exportKey" | "getPublicKey" => {
            Layout { algorithm: None, data: &[], made: None, length: None }
        }
        _ => return None,
    })
}

impl Request {
    /// Reads what deno_crypto will be called with. Runs no JavaScript: what is no plain value is
    /// not looked into.
    pub(super) fn read(
        scope: &mut v8::PinScope<'_, '_>,
        what: v8::Local<'_, v8::Object>,
        arguments: v8::Local<'_, v8::Array>,
    ) -> Result<Request, JsErrorBox> {
        let call = member(scope, what, "call");
        let call = call.map_or_else(String::new, |call| call.to_rust_string_lossy(scope));
        let layout = layout(&call).ok_or_else(|| not_supported(&call))?;
        let curve = member(scope, what, "curve");
        let hash = member(scope, what, "hash");
        let bits = number(scope, what, "bits").unwrap_or(0.0);
        let curve = curve.map_or_else(String::new, |curve| text(scope, curve));
        let hash = hash.map_or_else(String::new, |hash| text(scope, hash));
        let mut request = Request {
            call,
            key_curve: curve.clone(),
            key_hash: hash.clone(),
            curve,
            hash,
            key_bits: if bits > 0.0 { bits } else { 0.0 },
            ..Request::default()
        };
        match layout.algorithm {
            Some(index) => {
                let algorithm = arguments.get_index(scope, index);
                request.read_algorithm(scope, algorithm)?;
            }
            None => {
                let key = member(scope, what, "key");
                request.algorithm = key.map_or_else(String::new, |key| text(scope, key));
            }
        }
        for &index in layout.data {
            let value = arguments.get_index(scope, index);
            request.data += bytes_of(scope, value);
        }
        if let Some(index) = layout.length {
            let length = arguments.get_index(scope, index).filter(|value| value.is_number());
            request.output_bits = bounded_bits(length.and_then(|value| value.number_value(scope)))?;
        }
        if let Some(index) = layout.made {
            let mut made = Request::default();
            let algorithm = arguments.get_index(scope, index);
            made.read_algorithm(scope, algorithm)?;
            // A key of HMAC without a length has that of its hash's block, 1,152 bits at most.
            request.output_bits = if made.output_bits > 0.0 { made.output_bits } else { 1152.0 };
        }
        Ok(request)
    }

    fn read_algorithm(
        &mut self,
        scope: &mut v8::PinScope<'_, '_>,
        algorithm: Option<v8::Local<'_, v8::Value>>,
    ) -> Result<(), JsErrorBox> {
        let Some(algorithm) = algorithm else { return Ok(()) };
        self.algorithm = name_of(scope, Some(algorithm));
        let Ok(object) = v8::Local::<v8::Object>::try_from(algorithm) else { return Ok(()) };
        if let Some(hash) = member(scope, object, "hash") {
            self.hash = name_of(scope, Some(hash));
        }
        if let Some(curve) = member(scope, object, "namedCurve") {
            self.curve = text(scope, curve);
        }
        if let Some(salt) = member(scope, object, "salt") {
            self.salt = bytes_of(scope, Some(salt));
        }
        for name in EXTRAS {
            let extra = member(scope, object, name);
            self.extras += bytes_of(scope, extra);
        }
        self.iterations = number(scope, object, "iterations").unwrap_or(0.0);
        self.modulus_bits = number(scope, object, "modulusLength").unwrap_or(0.0);
        let salt = number(scope, object, "saltLength");
        self.has_pss_salt = salt.is_some();
        self.pss_salt = salt.unwrap_or(0.0);
        let length = number(scope, object, "length");
        let output = number(scope, object, "outputLength");
        self.output_bits = bounded_bits(length)?.max(bounded_bits(output)?);
        Ok(())
    }

    /// Bytes that the call copies.
    pub(super) fn bytes(&self) -> f64 {
        self.data + self.extras + self.salt + self.output_bits / 8.0
    }

    /// The algorithm and what the price depends on beside sizes.
    pub(super) fn what(&self) -> String {
        format!("{} {}{} {}", self.algorithm, self.hash, self.curve, self.key_bits)
    }

    /// Whether deno_crypto works on the isolate's own thread.
    pub(super) fn is_inline(&self) -> bool {
        matches!(
            &*self.call,
            "importKey" | "unwrapKey" | "getPublicKey" | "encapsulateKey" | "decapsulateKey"
        )
    }

    pub(super) fn is(&self, start: &str) -> bool {
        self.algorithm.starts_with(start)
    }
    pub(super) fn bound(&self) -> Result<(), JsErrorBox> {
        let numbers = [self.iterations, self.modulus_bits, self.pss_salt];
        if numbers.iter().any(|number| !(0.0..=f64::from(u32::MAX)).contains(number)) {
            return Err(too_much("a number is out of its range".to_owned()));
        }
        if self.pss_salt > MAX_PSS_SALT {
            return Err(too_much(format!("a salt of {} bytes is too long", self.pss_salt)));
        }
        if self.iterations > MAX_ITERATIONS {
            return Err(JsErrorBox::new(
                "DOMExceptionNotSupportedError",
                format!(
                    "Pbkdf2 failed: iteration counts above {MAX_ITERATIONS} are not supported \
                     (requested {}).",
                    self.iterations
                ),
            ));
        }
        if self.modulus_bits > MAX_MODULUS {
            return Err(JsErrorBox::new(
                "DOMExceptionNotSupportedError",
                format!(
                    "RSA keys of more than {MAX_MODULUS} bits are not supported (requested {}).",
                    self.modulus_bits
                ),
            ));
        }
        let is_secret = ["HMAC", "KMAC", "PBKDF2", "HKDF", "ARGON2", "AES", "CHACHA"];
        let most = match &*self.call {
            "importKey" if is_secret.iter().any(|start| self.is(start)) => MAX_SECRET,
            "importKey" => MAX_MATERIAL,
            // A JWK is longer than the key.
            "unwrapKey" => 2.0 * MAX_SECRET,
            _ => f64::INFINITY,
        };
        if self.data > most {
            return Err(too_much(format!("a key of {} bytes is too long", self.data)));
        }
        Ok(())
    }
}

/// The number of bits, which has to be one that a call may make.
fn bounded_bits(bits: Option<f64>) -> Result<f64, JsErrorBox> {
    let bits = bits.unwrap_or(0.0);
    // What is below zero, or no number, would be read as another one.
    if (0.0..=MAX_OUTPUT_BITS).contains(&bits) {
        return Ok(bits);
    }
    Err(too_much(format!(
        "lengths of more than {MAX_OUTPUT_BITS} bits are not supported (requested {bits})."
    )))
}

pub(super) fn too_much(message: String) -> JsErrorBox {
    JsErrorBox::new("DOMExceptionOperationError", message)
}

pub(super) fn not_supported(what: &str) -> JsErrorBox {
    JsErrorBox::new("DOMExceptionNotSupportedError", format!("Unrecognized algorithm name: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_are_none_are_refused() {
        for number in [-1.0, f64::NAN, f64::INFINITY, 9e15] {
            bounded_bits(Some(number)).unwrap_err();
        }
        bounded_bits(Some(-0.0)).unwrap();
        bounded_bits(None).unwrap();
    }
}
