//! Keys of Ed25519, X25519 and X448 (RFC 8037, RFC 8410).

use aws_lc_rs::agreement::{PrivateKey, X25519};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use rsa::pkcs8::PrivateKeyInfo;

use super::{Checked, Jwk, Material, data_error};

/// The tag of an octet string in DER.
const OCTET_STRING: u8 = 4;

/// What is no key at all deno_crypto refuses. `algorithm` is in upper case.
pub(super) fn check(algorithm: &str, material: &Material) -> Checked {
    match material {
        Material::Jwk(jwk) => check_jwk(algorithm, jwk),
        Material::Pkcs8(bytes) => match PrivateKeyInfo::try_from(&**bytes) {
            Ok(info) => check_pkcs8(algorithm, &info),
            Err(_) => Ok(()),
        },
        Material::Raw(_) | Material::Spki(_) => Ok(()),
    }
}

fn size(algorithm: &str) -> usize {
    if algorithm == "X448" { 56 } else { 32 }
}

fn check_jwk(algorithm: &str, jwk: &Jwk) -> Checked {
    if algorithm == "ED25519" {
        jwk.is("alg", &["Ed25519", "EdDSA"])?;
    }
    let public = jwk.needs("x")?;
    if public.len() != size(algorithm) {
        return Err(data_error(format!(
            "'x' of the JSON Web Key must have {} bytes",
            size(algorithm)
        )));
    }
    jwk.bytes("d")?.map_or(Ok(()), |key| check_pair(algorithm, &key, &public))
}

/// The private key is an octet string in an octet string (RFC 8410, section 7).
fn check_pkcs8(algorithm: &str, info: &PrivateKeyInfo<'_>) -> Checked {
    let key = match info.private_key {
        [OCTET_STRING, length, key @ ..] if usize::from(*length) == key.len() => key,
        _ => return Err(data_error("the private key is no CurvePrivateKey")),
    };
    info.public_key.map_or(Ok(()), |public| check_pair(algorithm, key, public))
}

fn check_pair(algorithm: &str, key: &[u8], public: &[u8]) -> Checked {
    if key.len() != size(algorithm) {
        return Err(data_error(format!("the private key must have {} bytes", size(algorithm))));
    }
    let is_same = match algorithm {
        "ED25519" => Ed25519KeyPair::from_seed_unchecked(key)
            .is_ok_and(|pair| pair.public_key().as_ref() == public),
        "X25519" => PrivateKey::from_private_key(&X25519, key)
            .is_ok_and(|key| key.compute_public_key().is_ok_and(|it| it.as_ref() == public)),
        // aws-lc-rs does not know it.
        _ => public.len() == size(algorithm),
    };
    if is_same {
        return Ok(());
    }
    Err(data_error("the public key does not belong to the private key"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rsa::pkcs8::der::Encode;
    use rsa::pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier};

    use super::super::tests::{base64, faults, jwk};
    use super::*;

    const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

    /// A private key and its public one: that of RFC 8032, section 7.1, and one that OpenSSL says.
    const KEYS: [(&str, &str, &str); 2] = [
        (
            "ED25519",
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        ),
        (
            "X25519",
            "77076d0a7318a57d3c16c17251b26645df4c2f92ebc0992ac177fba51db92c2a",
            "f8a9535a2d2ff605e8e144d54f4ef5c62313a2055dbb21fddd3fd9c299eb015d",
        ),
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn public_of(algorithm: &str, key: &[u8]) -> Vec<u8> {
        match algorithm {
            "ED25519" => {
                Ed25519KeyPair::from_seed_unchecked(key).unwrap().public_key().as_ref().to_vec()
            }
            _ => PrivateKey::from_private_key(&X25519, key)
                .unwrap()
                .compute_public_key()
                .unwrap()
                .as_ref()
                .to_vec(),
        }
    }

    #[test]
    fn a_private_key_needs_its_public_one() {
        for (algorithm, private, public) in KEYS {
            let key = bytes(private);
            let known = public_of(algorithm, &key);
            assert_eq!(known, bytes(public));
            let (d, x) = (base64(&key), base64(&known));
            let of = |members: &[(&'static str, &str)]| faults(algorithm, "", &jwk(members));
            assert_eq!(of(&[("d", &d), ("x", &x)]), None);
            assert_eq!(of(&[("x", &x)]), None);
            assert_eq!(of(&[("d", &d)]), Some("DataError"));
            assert_eq!(of(&[("d", &d), ("x", &base64(&key))]), Some("DataError"));
            assert_eq!(of(&[("d", &base64(&key[1..])), ("x", &x)]), Some("DataError"));
            assert_eq!(of(&[("x", &base64(&known[1..]))]), Some("DataError"));
        }
    }

    #[test]
    fn an_algorithm_has_the_name_of_the_key() {
        let x = base64(&[9; 32]);
        let of = |alg| faults("ED25519", "", &jwk(&[("x", &*x), ("alg", alg)]));
        assert_eq!([of("EdDSA"), of("Ed25519"), of("ES256")], [None, None, Some("DataError")]);
    }

    proptest! {
        #[test]
        fn the_octet_string_is_as_long_as_it_says(key in prop::collection::vec(any::<u8>(), 0..70), length: u8) {
            let private_key = [&[OCTET_STRING, length], &*key].concat();
            let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
            let info = PrivateKeyInfo::new(algorithm, &private_key);
            let is_right = check_pkcs8("ED25519", &info).is_ok();
            prop_assert_eq!(is_right, usize::from(length) == key.len());
            let bytes = info.to_der().unwrap();
            prop_assert_eq!(faults("ED25519", "", &Material::Pkcs8(bytes)).is_none(), is_right);
        }
    }
}
