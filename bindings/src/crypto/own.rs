//! Calls that aws-lc-rs answers in the place of deno_crypto, many times faster: RSA, ECDSA and ECDH
//! with the hashes and sizes that it has. Everything else, and all that is wrong with a call, stays
//! deno_crypto's. Not here: making RSA keys (`rsa.rs`), what deno_crypto takes for one (`import.rs`).

use std::num::NonZeroUsize;
use std::sync::Arc;

use aws_lc_rs::agreement;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeyPair as RsaKeyPair, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384,
    OAEP_SHA512_MGF1SHA512, OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey, RsaPssSaltLength,
};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, ParsedPublicKey, RsaParameters, RsaSignatureEncoding,
};
use deno_core::v8;
use deno_error::JsErrorBox;
use lru::LruCache;

use super::request::Request;
use super::values::{bytes_in, member, number};

/// Keys that an isolate has in the form in which they are used, some kilobytes each.
const KEPT: NonZeroUsize = NonZeroUsize::new(16).expect("it is not zero");

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Padding {
    Pkcs1,
    /// With a salt as long as the hash.
    Pss,
    /// Without a salt.
    PssUnsalted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Curve {
    P256,
    P384,
    P521,
}

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    SignRsa(Padding, Hash),
    VerifyRsa(Padding, Hash),
    Encrypt(Hash),
    Decrypt(Hash),
    SignCurve(Curve),
    VerifyCurve(Curve),
    Agree(Curve),
}

/// A key for one operation.
pub(super) enum Key {
    SignRsa(RsaKeyPair, &'static RsaSignatureEncoding),
    SignCurve(EcdsaKeyPair),
    Verify(ParsedPublicKey),
    Encrypt(OaepPublicEncryptingKey, &'static OaepAlgorithm),
    Decrypt(OaepPrivateDecryptingKey, &'static OaepAlgorithm),
    Agree(agreement::PrivateKey),
}

/// What it is done with.
#[derive(Default)]
pub(super) struct Input {
    data: Vec<u8>,
    signature: Vec<u8>,
    label: Vec<u8>,
    /// Bytes of the output, where that is to be cut.
    length: Option<usize>,
}

/// The keys that were used last. JavaScript numbers them.
pub(super) struct Keys(LruCache<(u32, Operation), Arc<Key>>);

impl Default for Keys {
    fn default() -> Keys {
        Keys(LruCache::new(KEPT))
    }
}

impl Keys {
    /// The key of a call, where it is one that aws-lc-rs can answer.
    pub(super) fn find(
        &mut self,
        scope: &mut v8::PinScope<'_, '_>,
        what: v8::Local<'_, v8::Object>,
        request: &Request,
    ) -> Option<Arc<Key>> {
        let operation = Operation::of(request)?;
        let id = number(scope, what, "id")? as u32;
        if let Some(key) = self.0.get(&(id, operation)) {
            return Some(key.clone());
        }
        let material = member(scope, what, "material")?;
        let key = Arc::new(operation.key(&bytes_in(scope, material)?)?);
        self.0.put((id, operation), key.clone());
        Some(key)
    }
}

impl Operation {
    fn of(request: &Request) -> Option<Operation> {
        let hash = |name: &str| {
            Some(match name {
                "SHA-1" => Hash::Sha1,
                "SHA-256" => Hash::Sha256,
                "SHA-384" => Hash::Sha384,
                "SHA-512" => Hash::Sha512,
                _ => return None,
            })
        };
        let curve = Curve::of(&request.key_curve);
        let hashed = curve.filter(|curve| curve.hash() == request.hash);
        let padding = match &*request.algorithm {
            "RSASSA-PKCS1-V1_5" => Some(Padding::Pkcs1),
            "RSA-PSS" => request.pss_padding(hash(&request.key_hash)?),
            _ => None,
        };
        Some(match (&*request.call, &*request.algorithm) {
            ("sign", "ECDSA") => Operation::SignCurve(hashed?),
            ("verify", "ECDSA") => Operation::VerifyCurve(hashed?),
            ("deriveBits", "ECDH") => Operation::Agree(curve?),
            ("sign", _) => Operation::SignRsa(padding?, hash(&request.key_hash)?),
            ("verify", _) => Operation::VerifyRsa(padding?, hash(&request.key_hash)?),
            ("encrypt", "RSA-OAEP") => Operation::Encrypt(hash(&request.key_hash)?),
            ("decrypt", "RSA-OAEP") => Operation::Decrypt(hash(&request.key_hash)?),
            _ => return None,
        })
    }

    /// The key of this material, PKCS #8 or SubjectPublicKeyInfo; none where aws-lc-rs does not
    /// take it, or not for this.
    fn key(self, material: &[u8]) -> Option<Key> {
        Some(match self {
            Operation::SignRsa(padding, hash) => {
                let encoding = encoding(padding, hash)?;
                Key::SignRsa(RsaKeyPair::from_pkcs8(material).ok()?, encoding)
            }
            Operation::VerifyRsa(padding, hash) => {
                // Whether it is of a size that is verified, a parsed key says when it verifies.
                PublicEncryptingKey::from_der(material).ok()?;
                let parameters = parameters(padding, hash)?;
                Key::Verify(ParsedPublicKey::new(parameters, material).ok()?)
            }
            Operation::Encrypt(hash) => {
                let key = PublicEncryptingKey::from_der(material).ok()?;
                Key::Encrypt(OaepPublicEncryptingKey::new(key).ok()?, oaep(hash))
            }
            Operation::Decrypt(hash) => {
                let key = PrivateDecryptingKey::from_pkcs8(material).ok()?;
                Key::Decrypt(OaepPrivateDecryptingKey::new(key).ok()?, oaep(hash))
            }
            Operation::SignCurve(curve) => {
                let algorithm = match curve {
                    Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                    Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
                    Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
                };
                Key::SignCurve(EcdsaKeyPair::from_pkcs8(algorithm, material).ok()?)
            }
            Operation::VerifyCurve(curve) => {
                let algorithm = match curve {
                    Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED,
                    Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED,
                    Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED,
                };
                Key::Verify(ParsedPublicKey::new(algorithm, material).ok()?)
            }
            Operation::Agree(curve) => {
                let algorithm = match curve {
                    Curve::P256 => &agreement::ECDH_P256,
                    Curve::P384 => &agreement::ECDH_P384,
                    Curve::P521 => &agreement::ECDH_P521,
                };
                let key = agreement::PrivateKey::from_private_key_der(algorithm, material).ok()?;
                Key::Agree(key)
            }
        })
    }
}

impl Curve {
    fn of(name: &str) -> Option<Curve> {
        Some(match name {
            "P-256" => Curve::P256,
            "P-384" => Curve::P384,
            "P-521" => Curve::P521,
            _ => return None,
        })
    }

    /// The hash that aws-lc-rs signs with.
    fn hash(self) -> &'static str {
        match self {
            Curve::P256 => "SHA-256",
            Curve::P384 => "SHA-384",
            Curve::P521 => "SHA-512",
        }
    }

    /// Bytes of a coordinate.
    fn size(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }
}

impl Request {
    fn pss_padding(&self, hash: Hash) -> Option<Padding> {
        let length = match hash {
            Hash::Sha1 => return None,
            Hash::Sha256 => 32.0,
            Hash::Sha384 => 48.0,
            Hash::Sha512 => 64.0,
        };
        match self.pss_salt {
            salt if salt == length => Some(Padding::Pss),
            salt if salt == 0.0 && self.has_pss_salt => Some(Padding::PssUnsalted),
            _ => None,
        }
    }
}

fn encoding(padding: Padding, hash: Hash) -> Option<&'static RsaSignatureEncoding> {
    const NONE: RsaPssSaltLength = RsaPssSaltLength::Custom(0);
    static UNSALTED_SHA256: RsaSignatureEncoding =
        signature::RSA_PSS_SHA256.with_pss_salt_length(NONE);
    static UNSALTED_SHA384: RsaSignatureEncoding =
        signature::RSA_PSS_SHA384.with_pss_salt_length(NONE);
    static UNSALTED_SHA512: RsaSignatureEncoding =
        signature::RSA_PSS_SHA512.with_pss_salt_length(NONE);
    Some(match (padding, hash) {
        (_, Hash::Sha1) => return None,
        (Padding::Pkcs1, Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
        (Padding::Pkcs1, Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
        (Padding::Pkcs1, Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
        (Padding::Pss, Hash::Sha256) => &signature::RSA_PSS_SHA256,
        (Padding::Pss, Hash::Sha384) => &signature::RSA_PSS_SHA384,
        (Padding::Pss, Hash::Sha512) => &signature::RSA_PSS_SHA512,
        (Padding::PssUnsalted, Hash::Sha256) => &UNSALTED_SHA256,
        (Padding::PssUnsalted, Hash::Sha384) => &UNSALTED_SHA384,
        (Padding::PssUnsalted, Hash::Sha512) => &UNSALTED_SHA512,
    })
}

fn parameters(padding: Padding, hash: Hash) -> Option<&'static RsaParameters> {
    const NONE: RsaPssSaltLength = RsaPssSaltLength::Custom(0);
    static UNSALTED_SHA256: RsaParameters =
        signature::RSA_PSS_2048_8192_SHA256.with_pss_salt_length(NONE);
    static UNSALTED_SHA384: RsaParameters =
        signature::RSA_PSS_2048_8192_SHA384.with_pss_salt_length(NONE);
    static UNSALTED_SHA512: RsaParameters =
        signature::RSA_PSS_2048_8192_SHA512.with_pss_salt_length(NONE);
    Some(match (padding, hash) {
        (Padding::Pkcs1, Hash::Sha1) => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (_, Hash::Sha1) => return None,
        (Padding::Pkcs1, Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (Padding::Pkcs1, Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (Padding::Pkcs1, Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (Padding::Pss, Hash::Sha256) => &signature::RSA_PSS_2048_8192_SHA256,
        (Padding::Pss, Hash::Sha384) => &signature::RSA_PSS_2048_8192_SHA384,
        (Padding::Pss, Hash::Sha512) => &signature::RSA_PSS_2048_8192_SHA512,
        (Padding::PssUnsalted, Hash::Sha256) => &UNSALTED_SHA256,
        (Padding::PssUnsalted, Hash::Sha384) => &UNSALTED_SHA384,
        (Padding::PssUnsalted, Hash::Sha512) => &UNSALTED_SHA512,
    })
}

fn oaep(hash: Hash) -> &'static OaepAlgorithm {
    match hash {
        Hash::Sha1 => &OAEP_SHA1_MGF1SHA1,
        Hash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        Hash::Sha384 => &OAEP_SHA384_MGF1SHA384,
        Hash::Sha512 => &OAEP_SHA512_MGF1SHA512,
    }
}

impl Input {
    /// What a call is given, copied; nothing where it is none of what the call takes.
    pub(super) fn read(
        scope: &mut v8::PinScope<'_, '_>,
        what: v8::Local<'_, v8::Object>,
        request: &Request,
        arguments: v8::Local<'_, v8::Array>,
    ) -> Option<Input> {
        let mut input = Input::default();
        let mut bytes = |index| {
            let value = arguments.get_index(scope, index)?;
            bytes_in(scope, value)
        };
        match &*request.call {
            "verify" => (input.signature, input.data) = (bytes(2)?, bytes(3)?),
            "deriveBits" => return Input::read_agreement(scope, what, request, arguments),
            _ => input.data = bytes(2)?,
        }
        let algorithm = arguments.get_index(scope, 0)?;
        if let Ok(algorithm) = v8::Local::<v8::Object>::try_from(algorithm)
            && let Some(label) = member(scope, algorithm, "label")
        {
            input.label = bytes_in(scope, label)?;
        }
        Some(input)
    }

    /// The other's key, and the length.
    fn read_agreement(
        scope: &mut v8::PinScope<'_, '_>,
        what: v8::Local<'_, v8::Object>,
        request: &Request,
        arguments: v8::Local<'_, v8::Array>,
    ) -> Option<Input> {
        let peer = member(scope, what, "peer")?;
        let data = bytes_in(scope, peer)?;
        let length = arguments.get_index(scope, 2)?;
        let length = if length.is_null_or_undefined() {
            None
        } else {
            // Others are errors, or end in the middle of a byte.
            let most = Curve::of(&request.key_curve)?.size();
            let length = request.output_bits / 8.0;
            let is_whole = length.fract() == 0.0 && (1.0..=most as f64).contains(&length);
            Some(is_whole.then_some(length as usize)?)
        };
        Some(Input { data, length, ..Input::default() })
    }
}

impl Key {
    /// A signature, what is encrypted or decrypted; of a signature that is one, a byte.
    pub(super) fn work(&self, input: &Input) -> Result<Vec<u8>, JsErrorBox> {
        let Input { data, signature, label, length } = input;
        let label = (!label.is_empty()).then_some(&**label);
        match self {
            Key::SignRsa(key, encoding) => {
                let mut made = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &SystemRandom::new(), data, &mut made).map_err(failed)?;
                Ok(made)
            }
            Key::SignCurve(key) => {
                let made = key.sign(&SystemRandom::new(), data).map_err(failed)?;
                Ok(made.as_ref().to_vec())
            }
            Key::Verify(key) => Ok(match key.verify_sig(data, signature) {
                Ok(()) => vec![1],
                Err(_) => Vec::new(),
            }),
            Key::Encrypt(key, algorithm) => {
                let mut made = vec![0; key.ciphertext_size()];
                let length = key.encrypt(algorithm, data, &mut made, label).map_err(failed)?.len();
                made.truncate(length);
                Ok(made)
            }
            Key::Decrypt(key, algorithm) => {
                let mut made = vec![0; key.min_output_size()];
                let length = key.decrypt(algorithm, data, &mut made, label).map_err(failed)?.len();
                made.truncate(length);
                Ok(made)
            }
            Key::Agree(key) => {
                let peer = agreement::UnparsedPublicKey::new(key.algorithm(), data);
                let secret = |secret: &[u8]| Ok(secret.to_vec());
                let mut made = agreement::agree(key, peer, failed(Unspecified), secret)?;
                made.truncate(length.unwrap_or(made.len()));
                Ok(made)
            }
        }
    }
}

fn failed(_: Unspecified) -> JsErrorBox {
    JsErrorBox::new("DOMExceptionOperationError", "The operation failed for its key and data")
}
