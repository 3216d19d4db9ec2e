//! What a call of Web Crypto may be asked, and about what it will take: the bounds, and a price that
//! is reserved until the time is known. Everything is read from the values that deno_crypto is
//! called with. What has no price here is not called.

use std::time::Duration;

use deno_core::v8;
use deno_error::JsErrorBox;

/// As on Workers; a hundred thousand take some 50 ms.
const MAX_ITERATIONS: f64 = 100_000.0;
/// Bits of an RSA key.
const MAX_MODULUS: f64 = 4096.0;
/// Bits of an RSA key of those that aws-lc-rs does not make: the others take too long.
const MAX_SLOW_MODULUS: f64 = 2048.0;
/// Bits of a digest of any length, of a derived or a generated key.
const MAX_OUTPUT_BITS: f64 = (8 << 20) as f64;
/// Bytes of a salt of RSA-PSS: more than the longest key has.
const MAX_PSS_SALT: f64 = 1024.0;
/// Bytes of a key that is a secret, in any form.
const MAX_SECRET: f64 = (8 << 20) as f64;
/// Bytes of a key that is not, in any form: the largest are RSA's and those of SLH-DSA.
const MAX_MATERIAL: f64 = (64 << 10) as f64;
/// What each call takes beside its work: a thread is woken.
const CALL_MICROS: f64 = 8.0;
/// What one call may take: nothing stops it once it has begun.
const MAX_CALL: Duration = Duration::from_secs(1);

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
/// Members of a JWK that are long text.
const JWK: [&str; 13] = ["d", "dp", "dq", "e", "k", "n", "p", "priv", "pub", "q", "qi", "x", "y"];

/// What a call's cost depends on.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) call: String,
    /// Upper case; empty where none is given.
    algorithm: String,
    hash: String,
    curve: String,
    /// Bits of the key.
    key_bits: f64,
    /// Bytes that are encrypted, signed, hashed or imported.
    data: f64,
    /// Bytes that the algorithm takes beside them.
    extras: f64,
    salt: f64,
    iterations: f64,
    output_bits: f64,
    modulus_bits: f64,
    pss_salt: f64,
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
        let mut request = Request {
            call,
            curve: curve.map_or_else(String::new, |curve| text(scope, curve)),
            hash: hash.map_or_else(String::new, |hash| text(scope, hash)),
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
        self.pss_salt = number(scope, object, "saltLength").unwrap_or(0.0);
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

    fn is(&self, start: &str) -> bool {
        self.algorithm.starts_with(start)
    }

    /// What the call will about take, rather less than more: the rest is charged afterwards.
    /// Refuses what is too much.
    pub(super) fn price(&self) -> Result<Duration, JsErrorBox> {
        self.bound()?;
        // Where the algorithm is missing the call itself says so.
        if self.algorithm.is_empty() {
            return Ok(Duration::ZERO);
        }
        let micros = self.micros().ok_or_else(|| not_supported(&self.algorithm))?;
        // NaN is none of the numbers that have been read; the cast saturates.
        let price = Duration::from_nanos((micros * 1000.0) as u64);
        if price > MAX_CALL {
            return Err(too_much(format!("{} of so much takes too long", self.call)));
        }
        Ok(price)
    }

    fn bound(&self) -> Result<(), JsErrorBox> {
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
        let most = if self.call == "generateKey" { MAX_SLOW_MODULUS } else { MAX_MODULUS };
        if self.modulus_bits > most {
            return Err(JsErrorBox::new(
                "DOMExceptionNotSupportedError",
                format!(
                    "RSA keys of more than {most} bits are not supported (requested {}).",
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

    /// Microseconds, as measured on one core at 2.5 GHz. `None` for an algorithm that is not known.
    fn micros(&self) -> Option<f64> {
        let all = self.data + self.extras + self.salt;
        let call = &*self.call;
        let key_bytes = self.key_bits / 8.0;
        let output = self.output_bits / 8.0;
        let micros = match call {
            "digest" => (all + output) * self.hash_nanos()? / 1000.0,
            "encrypt" | "decrypt" | "wrapKey" | "unwrapKey" => {
                let wrapped = if call == "wrapKey" { key_bytes } else { 0.0 };
                self.cipher_micros(all + wrapped)?
            }
            "sign" | "verify" => self.signature_micros(all + output)?,
            "deriveBits" | "deriveKey" => self.derivation_micros()?,
            "generateKey" if self.is("RSA") => (self.modulus_bits / 1024.0).powi(4) * 25_000.0,
            "generateKey" | "getPublicKey" => self.key_micros()? + output / 1000.0,
            "importKey" => self.key_micros()?.min(1000.0) + all / 1000.0,
            "exportKey" => self.key_micros()? + key_bytes / 1000.0,
            // What is no ML-KEM the call refuses.
            "encapsulateBits" | "encapsulateKey" | "decapsulateBits" | "decapsulateKey" => {
                self.key_micros()?.min(50.0)
            }
            _ => return None,
        };
        Some(CALL_MICROS + micros)
    }

    /// Nanoseconds for each byte of a hash.
    fn hash_nanos(&self) -> Option<f64> {
        let is_own = self.call == "digest";
        Some(match if is_own { &*self.algorithm } else { &*self.hash } {
            "SHA-1" => 0.8,
            "SHA-256" => 0.7,
            "SHA-384" | "SHA-512" => 2.5,
            "SHA3-256" => 4.5,
            "SHA3-384" => 6.0,
            "SHA3-512" => 8.0,
            "CSHAKE128" => 4.5,
            "CSHAKE256" => 5.5,
            "TURBOSHAKE128" | "KT128" | "KANGAROOTWELVE" => 2.2,
            "TURBOSHAKE256" => 2.8,
            "KT256" => 5.0,
            // Others are refused by the call.
            _ if !is_own => 1.0,
            _ => return None,
        })
    }

    fn cipher_micros(&self, bytes: f64) -> Option<f64> {
        let encrypts = matches!(&*self.call, "encrypt" | "wrapKey");
        let nanos = match (&*self.algorithm, encrypts) {
            ("AES-CBC", true) => 1.2,
            ("AES-CBC", false) => 0.6,
            ("AES-CTR", _) => 1.0,
            ("AES-GCM" | "AES-OCB", true) => 2.2,
            ("CHACHA20-POLY1305", true) => 2.0,
            ("AES-GCM" | "AES-OCB" | "CHACHA20-POLY1305", false) => 1.0,
            ("AES-KW", _) => 25.0,
            _ if self.is("RSA") => return Some(self.rsa_micros(encrypts) + bytes / 1000.0),
            // No cipher: the call says so.
            _ => self.key_micros().map(|_| 0.0)?,
        };
        Some(bytes * nanos / 1000.0)
    }

    /// An operation with a private or a public RSA key.
    fn rsa_micros(&self, is_public: bool) -> f64 {
        let is_long = self.key_bits >= 2048.0;
        match (is_public, is_long) {
            (true, true) => 1000.0,
            (true, false) => 250.0,
            (false, true) => 12_000.0 * (self.key_bits / 2048.0).powf(1.5),
            (false, false) => 1500.0,
        }
    }

    fn signature_micros(&self, bytes: f64) -> Option<f64> {
        let signs = self.call == "sign";
        let (fixed, nanos) = match &*self.algorithm {
            "HMAC" => (self.key_bits / 8000.0 * self.hash_nanos()?, self.hash_nanos()?),
            "KMAC128" | "KMAC256" => (self.key_bits / 8000.0 * 4.0, 4.0),
            _ if self.is("RSA") => (self.rsa_micros(!signs), self.hash_nanos()?),
            "ECDSA" => (self.curve_micros(1000.0, 3000.0, 4000.0), self.hash_nanos()?),
            "ED25519" if signs => (50.0, 4.0),
            "ED25519" => (80.0, 2.0),
            _ if self.is("ML-DSA") && signs => (150.0, 4.0),
            _ if self.is("ML-DSA") => (60.0, 4.0),
            _ if self.is("SLH-DSA") && signs => (self.slh_micros(), 4.0),
            _ if self.is("SLH-DSA") => (500.0 * self.slh_factor(), 4.0),
            // It signs nothing: the call says so.
            _ => (0.0, self.key_micros().map(|_| 0.0)?),
        };
        Some(fixed + bytes * nanos / 1000.0)
    }

    fn curve_micros(&self, p256: f64, p384: f64, p521: f64) -> f64 {
        match &*self.curve {
            "P-256" => p256,
            "P-384" => p384,
            _ => p521,
        }
    }

    /// Signing with SLH-DSA, the slowest of all.
    fn slh_micros(&self) -> f64 {
        let is_fast = self.algorithm.ends_with('F');
        let sign = match (self.algorithm.contains("128"), self.algorithm.contains("192")) {
            (true, _) if is_fast => 15_000.0,
            (true, _) => 330_000.0,
            (_, true) if is_fast => 35_000.0,
            _ if is_fast => 60_000.0,
            _ => 750_000.0,
        };
        sign * self.slh_factor()
    }

    /// How much slower SHAKE is.
    fn slh_factor(&self) -> f64 {
        if self.algorithm.contains("SHAKE") { 5.0 } else { 1.0 }
    }

    /// Making a key, or having another form of it.
    fn key_micros(&self) -> Option<f64> {
        const SECRETS: [&str; 7] = ["AES-", "HMAC", "KMAC", "CHACHA20", "PBKDF2", "HKDF", "ARGON2"];
        Some(match &*self.algorithm {
            "ECDSA" | "ECDH" => self.curve_micros(80.0, 400.0, 1000.0),
            "ED25519" | "X25519" => 30.0,
            "X448" => 300.0,
            _ if self.is("ML-KEM") => 50.0,
            _ if self.is("ML-DSA") => 100.0,
            _ if self.is("SLH-DSA") => self.slh_micros() / 10.0,
            _ if self.is("RSA") => 40.0,
            _ if SECRETS.iter().any(|start| self.is(start)) => 0.0,
            // A hash has no keys: the call says so.
            _ if self.is("SHA") || self.is("CSHAKE") || self.is("TURBOSHAKE") || self.is("K") => {
                0.0
            }
            _ => return None,
        })
    }

    /// Blocks of the output, each of which costs what a block costs.
    fn blocks(&self) -> f64 {
        let bits = match &*self.hash {
            "SHA-1" => 160.0,
            "SHA-384" | "SHA3-384" => 384.0,
            "SHA-512" | "SHA3-512" => 512.0,
            _ => 256.0,
        };
        (self.output_bits / bits).ceil().max(1.0)
    }

    fn derivation_micros(&self) -> Option<f64> {
        /// What is hashed for a block beside what is given, in bytes.
        const BLOCK: f64 = 300.0;
        let hash = self.hash_nanos()? / 1000.0;
        Some(match &*self.algorithm {
            "PBKDF2" => {
                // Two compressions.
                let round = if hash > 0.001 { 0.25 } else { 0.13 };
                self.blocks() * (self.iterations * round + (self.salt + BLOCK) * hash)
            }
            "HKDF" => (self.salt + self.blocks() * (self.extras + BLOCK)) * hash,
            "ECDH" => self.curve_micros(700.0, 3500.0, 4500.0),
            "X25519" => 70.0,
            "X448" => 600.0,
            // Workers have none, and what it takes has no bound.
            _ if self.is("ARGON2") => return None,
            // It derives nothing: the call says so.
            _ => self.key_micros().map(|_| 0.0)?,
        })
    }
}

/// The ticket that a call comes with, 0 for none.
pub(super) fn ticket(scope: &mut v8::PinScope<'_, '_>, what: v8::Local<'_, v8::Object>) -> u32 {
    number(scope, what, "ticket").map_or(0, |ticket| ticket as u32)
}

/// Tells JavaScript the number of a call.
pub(super) fn set_number(
    scope: &mut v8::PinScope<'_, '_>,
    what: v8::Local<'_, v8::Object>,
    number: u32,
) {
    if let Some(key) = v8::String::new(scope, "number") {
        let number = v8::Integer::new_from_unsigned(scope, number);
        what.set(scope, key.into(), number.into());
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

fn too_much(message: String) -> JsErrorBox {
    JsErrorBox::new("DOMExceptionOperationError", message)
}

fn not_supported(what: &str) -> JsErrorBox {
    JsErrorBox::new("DOMExceptionNotSupportedError", format!("Unrecognized algorithm name: {what}"))
}

fn member<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'_, v8::Object>,
    name: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let key = v8::String::new(scope, name)?;
    object.get(scope, key.into()).filter(|value| !value.is_undefined())
}

fn number(
    scope: &mut v8::PinScope<'_, '_>,
    object: v8::Local<'_, v8::Object>,
    name: &str,
) -> Option<f64> {
    member(scope, object, name).filter(|value| value.is_number())?.number_value(scope)
}

/// A string in upper case, cut: no name is long.
fn text(scope: &mut v8::PinScope<'_, '_>, value: v8::Local<'_, v8::Value>) -> String {
    const LONGEST: usize = 64;
    match v8::Local::<v8::String>::try_from(value) {
        Ok(text) if text.length() <= LONGEST => {
            text.to_rust_string_lossy(scope).to_ascii_uppercase()
        }
        Ok(_) => "?".to_owned(),
        Err(_) => String::new(),
    }
}

/// The name of an algorithm, which is text or has a name.
fn name_of(
    scope: &mut v8::PinScope<'_, '_>,
    algorithm: Option<v8::Local<'_, v8::Value>>,
) -> String {
    let Some(algorithm) = algorithm else { return String::new() };
    match v8::Local::<v8::Object>::try_from(algorithm) {
        Ok(object) => {
            let name = member(scope, object, "name");
            name.map_or_else(String::new, |name| text(scope, name))
        }
        Err(_) => text(scope, algorithm),
    }
}

/// Bytes of a buffer, a view or a JWK; what is none of these is refused by the call.
fn bytes_of(scope: &mut v8::PinScope<'_, '_>, value: Option<v8::Local<'_, v8::Value>>) -> f64 {
    let Some(value) = value else { return 0.0 };
    if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        return view.byte_length() as f64;
    }
    if let Ok(buffer) = v8::Local::<v8::ArrayBuffer>::try_from(value) {
        return buffer.byte_length() as f64;
    }
    if let Ok(buffer) = v8::Local::<v8::SharedArrayBuffer>::try_from(value) {
        return buffer.byte_length() as f64;
    }
    let Ok(jwk) = v8::Local::<v8::Object>::try_from(value) else { return 0.0 };
    let mut bytes = 0.0;
    for name in JWK {
        if let Some(value) = member(scope, jwk, name)
            && let Ok(text) = v8::Local::<v8::String>::try_from(value)
        {
            bytes += text.length() as f64;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(call: &str, algorithm: &str) -> Request {
        Request { call: call.to_owned(), algorithm: algorithm.to_owned(), ..Request::default() }
    }

    fn price(request: Request) -> Result<Duration, String> {
        request.price().map_err(|error| error.to_string())
    }

    #[test]
    fn a_call_costs_more_the_more_it_has_to_do() {
        let of = |data| price(Request { data, ..request("digest", "SHA-512") }).unwrap();
        assert!(of(1e6) > Duration::from_millis(2));
        assert!(of(1e8) > of(1e6) * 90);
        price(Request { data: 1e12, ..request("digest", "SHA-512") }).unwrap_err();
        price(Request { data: f64::INFINITY, ..request("digest", "SHA-512") }).unwrap_err();
    }

    #[test]
    fn what_is_a_product_is_priced_as_one() {
        let blocks = |salt, output_bits| {
            let hash = "SHA-1".to_owned();
            price(Request {
                hash,
                salt,
                output_bits,
                iterations: 1.0,
                ..request("deriveBits", "PBKDF2")
            })
        };
        blocks(4e6, 160.0).unwrap();
        blocks(16.0, 160_000.0).unwrap();
        blocks(4e6, 160_000.0).unwrap_err();
        let expanded = |extras, output_bits| {
            let hash = "SHA-256".to_owned();
            price(Request { hash, extras, output_bits, ..request("deriveBits", "HKDF") })
        };
        expanded(16e6, 256.0).unwrap();
        expanded(16.0, 65_280.0).unwrap();
        expanded(16e6, 65_280.0).unwrap_err();
    }

    #[test]
    fn what_has_no_price_is_refused() {
        price(request("digest", "BLAKE3")).unwrap_err();
        price(request("sign", "FN-DSA-512")).unwrap_err();
        price(request("deriveBits", "ARGON2ID")).unwrap_err();
        price(request("generateKey", "ECDSA")).unwrap();
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        for number in [-1.0, f64::NAN, f64::INFINITY, 9e15] {
            bounded_bits(Some(number)).unwrap_err();
            let iterations = Request { iterations: number, ..request("deriveBits", "PBKDF2") };
            price(iterations).unwrap_err();
            price(Request { pss_salt: number, ..request("sign", "RSA-PSS") }).unwrap_err();
            price(Request { modulus_bits: number, ..request("generateKey", "RSA-PSS") })
                .unwrap_err();
        }
        bounded_bits(Some(-0.0)).unwrap();
    }
}
