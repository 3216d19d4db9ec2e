//! About what a call of Web Crypto takes: a price that is reserved until the time is known. What has
//! no price here is not called. Not here: how a call is read, and what it may be asked
//! (`request.rs`).

use std::time::Duration;

use deno_error::JsErrorBox;

use super::request::{Request, not_supported, too_much};

/// What each call takes beside its work: a thread is woken.
const CALL_MICROS: f64 = 8.0;
/// What one call may take: nothing stops it once it has begun.
const MAX_CALL: Duration = Duration::from_secs(1);

impl Request {
    /// What the call will about take, rather less than more: the rest is charged afterwards.
    /// Refuses what is too much.
    pub(super) fn price(&self) -> Result<Duration, JsErrorBox> {
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
        let length = self.key_bits / 2048.0;
        match (is_public, self.is_own) {
            (true, true) => 25.0 * length.powi(2),
            (false, true) => 600.0 * length.powi(3),
            (true, false) => 1000.0 * length.powi(2),
            (false, false) => 12_000.0 * length.powi(3),
        }
    }

    fn signature_micros(&self, bytes: f64) -> Option<f64> {
        let signs = self.call == "sign";
        let (fixed, nanos) = match &*self.algorithm {
            "HMAC" => (self.key_bits / 8000.0 * self.hash_nanos()?, self.hash_nanos()?),
            "KMAC128" | "KMAC256" => (self.key_bits / 8000.0 * 4.0, 4.0),
            _ if self.is("RSA") => (self.rsa_micros(!signs), self.hash_nanos()?),
            "ECDSA" if self.is_own => (self.curve_micros(30.0, 150.0, 250.0), self.hash_nanos()?),
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
            "ECDH" if self.is_own => self.curve_micros(50.0, 200.0, 350.0),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(call: &str, algorithm: &str) -> Request {
        Request { call: call.to_owned(), algorithm: algorithm.to_owned(), ..Request::default() }
    }

    fn price(request: Request) -> Result<Duration, String> {
        request.bound().and_then(|()| request.price()).map_err(|error| error.to_string())
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
            let iterations = Request { iterations: number, ..request("deriveBits", "PBKDF2") };
            price(iterations).unwrap_err();
            price(Request { pss_salt: number, ..request("sign", "RSA-PSS") }).unwrap_err();
            price(Request { modulus_bits: number, ..request("generateKey", "RSA-PSS") })
                .unwrap_err();
        }
    }
}
