//! Keys of the curves P-256, P-384 and P-521: points that are on the curve, private keys that are
//! in its range, and public ones that belong to them.

use aws_lc_rs::agreement::{
    Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, ParsedPublicKey, PrivateKey, UnparsedPublicKey,
};
use rsa::pkcs8::{ObjectIdentifier, PrivateKeyInfo, SubjectPublicKeyInfoRef};
use sec1::EcPrivateKey;

use super::{Checked, Fault, Jwk, Material, data_error};

/// id-ecPublicKey (RFC 5480, section 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// What an uncompressed point begins with (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

struct Curve {
    name: &'static str,
    algorithm: &'static Algorithm,
    identifier: ObjectIdentifier,
    /// Bytes of a coordinate, and of a private key.
    size: usize,
}

static CURVES: [Curve; 3] = [
    Curve {
        name: "P-256",
        algorithm: &ECDH_P256,
        identifier: ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        size: 32,
    },
    Curve {
        name: "P-384",
        algorithm: &ECDH_P384,
        identifier: ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        size: 48,
    },
    Curve {
        name: "P-521",
        algorithm: &ECDH_P521,
        identifier: ObjectIdentifier::new_unwrap("1.3.132.0.35"),
        size: 66,
    },
];

/// What has no curve, or is no key at all, deno_crypto refuses.
pub(super) fn check(curve: &str, material: &Material) -> Checked {
    let Some(curve) = CURVES.iter().find(|known| known.name == curve) else { return Ok(()) };
    match material {
        Material::Raw(point) => curve.check_point(point),
        Material::Spki(bytes) => match SubjectPublicKeyInfoRef::try_from(&**bytes) {
            Ok(info) => curve.check_point(info.subject_public_key.raw_bytes()),
            Err(_) => Ok(()),
        },
        Material::Pkcs8(bytes) => match PrivateKeyInfo::try_from(&**bytes) {
            Ok(info) => curve.check_pkcs8(&info),
            Err(_) => Ok(()),
        },
        Material::Jwk(jwk) => curve.check_jwk(jwk),
    }
}

impl Curve {
    fn check_point(&self, point: &[u8]) -> Checked {
        // Not X.509, which is read there, too.
        let is_point = matches!(point.first(), Some(2..=4))
            && ParsedPublicKey::try_from(UnparsedPublicKey::new(self.algorithm, point)).is_ok();
        if is_point {
            return Ok(());
        }
        Err(data_error(format!("the public key is no point of the curve {}", self.name)))
    }

    fn check_jwk(&self, jwk: &Jwk) -> Checked {
        if jwk.get("crv") != Some(self.name) {
            return Err(data_error(format!("'crv' of the JSON Web Key must be '{}'", self.name)));
        }
        let mut point = vec![UNCOMPRESSED];
        point.extend(self.padded(&jwk.needs("x")?, "'x' of the JSON Web Key")?);
        point.extend(self.padded(&jwk.needs("y")?, "'y' of the JSON Web Key")?);
        match jwk.bytes("d")? {
            Some(key) => {
                let key = self.padded(&key, "'d' of the JSON Web Key")?;
                self.check_pair(&key, &point)
            }
            None => self.check_point(&point),
        }
    }

    fn check_pkcs8(&self, info: &PrivateKeyInfo<'_>) -> Checked {
        if info.algorithm.oid != EC_PUBLIC_KEY {
            return Err(data_error("the key is none of an elliptic curve"));
        }
        let key = EcPrivateKey::try_from(info.private_key)
            .map_err(|_| data_error("the private key is no ECPrivateKey"))?;
        let curve = key.parameters.and_then(|parameters| parameters.named_curve());
        if curve.is_some_and(|curve| curve != self.identifier) {
            return Err(data_error(format!("the private key is none of the curve {}", self.name)));
        }
        let padded = self.padded(key.private_key, "the private key")?;
        match key.public_key {
            Some(point) => self.check_pair(&padded, point),
            None if key.private_key.len() == self.size => self.public_of(&padded).map(drop),
            // Nothing says that it is no part of one.
            None => Err(data_error(format!("the private key must have {} bytes", self.size))),
        }
    }

    /// A number with the zeros that it may have been written without: whether that was so, its
    /// point tells. One that is longer is none.
    fn padded(&self, number: &[u8], what: &str) -> Result<Vec<u8>, Fault> {
        match self.size.checked_sub(number.len()) {
            Some(missing) => {
                let mut padded = vec![0; missing];
                padded.extend_from_slice(number);
                Ok(padded)
            }
            None => Err(data_error(format!("{what} must have {} bytes", self.size))),
        }
    }

    /// The uncompressed point of a private key.
    fn public_of(&self, key: &[u8]) -> Result<Vec<u8>, Fault> {
        let key = PrivateKey::from_private_key(self.algorithm, key).map_err(|_| {
            data_error(format!("the private key is none of the curve {}", self.name))
        })?;
        let public = key.compute_public_key();
        Ok(public.map_err(|_| data_error("the private key is invalid"))?.as_ref().to_vec())
    }

    fn check_pair(&self, key: &[u8], point: &[u8]) -> Checked {
        let public = self.public_of(key)?;
        let is_same = match point {
            // Compressed: the sign of y, and x.
            [sign @ (2 | 3), x @ ..] => {
                let parity = public.last().map_or(0, |byte| byte & 1);
                sign & 1 == parity && public.get(1..=self.size) == Some(x)
            }
            _ => public == point,
        };
        if is_same {
            return Ok(());
        }
        Err(data_error("the public key does not belong to the private key"))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, EcPrivateKeyRfc5915Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
        ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    };
    use proptest::prelude::*;

    use super::super::tests::{base64, faults, jwk};
    use super::*;

    /// The private key and the point of a new key.
    fn new_key(curve: &Curve) -> (Vec<u8>, Vec<u8>) {
        let key = PrivateKey::generate(curve.algorithm).unwrap();
        let private: EcPrivateKeyBin<'_> = key.as_be_bytes().unwrap();
        (private.as_ref().to_vec(), key.compute_public_key().unwrap().as_ref().to_vec())
    }

    fn as_jwk(curve: &Curve, d: Option<&[u8]>, point: &[u8]) -> Material {
        let (x, y) = point[1..].split_at(curve.size);
        let (x, y, d) = (base64(x), base64(y), d.map(base64));
        let mut members = vec![("kty", "EC"), ("crv", curve.name), ("x", &*x), ("y", &*y)];
        members.extend(d.as_deref().map(|d| ("d", d)));
        jwk(&members)
    }

    fn fault_of(curve: &Curve, material: &Material) -> Option<&'static str> {
        faults("ECDSA", curve.name, material)
    }

    #[test]
    fn only_the_public_key_of_a_private_one_goes_with_it() {
        for curve in &CURVES {
            let ((d, point), (other_d, other)) = (new_key(curve), new_key(curve));
            assert_eq!(fault_of(curve, &as_jwk(curve, Some(&d), &point)), None);
            assert_eq!(fault_of(curve, &as_jwk(curve, None, &point)), None);
            assert_eq!(fault_of(curve, &as_jwk(curve, Some(&d), &other)), Some("DataError"));
            assert_eq!(fault_of(curve, &as_jwk(curve, Some(&other_d), &point)), Some("DataError"));
        }
    }

    #[test]
    fn a_private_key_has_the_length_of_its_curve() {
        for curve in &CURVES {
            let (d, point) = new_key(curve);
            let wrong =
                [&d[1..], &d[..d.len() - 1], &[&[0], &*d].concat(), &[&*d, &[0]].concat(), &[]];
            for wrong in wrong {
                // Zeros that are left out change nothing.
                if d[0] == 0 && wrong == &d[1..] {
                    continue;
                }
                let material = as_jwk(curve, Some(wrong), &point);
                assert_eq!(fault_of(curve, &material), Some("DataError"), "{} bytes", wrong.len());
            }
            let zeros = vec![0; curve.size];
            assert_eq!(fault_of(curve, &as_jwk(curve, Some(&zeros), &point)), Some("DataError"));
            let most = vec![0xff; curve.size];
            assert_eq!(fault_of(curve, &as_jwk(curve, Some(&most), &point)), Some("DataError"));
        }
    }

    #[test]
    fn a_point_is_on_its_curve() {
        for curve in &CURVES {
            let (_, point) = new_key(curve);
            assert_eq!(fault_of(curve, &Material::Raw(point.clone())), None);
            let sign = 2 + (point[point.len() - 1] & 1);
            let compressed = [&[sign], &point[1..=curve.size]].concat();
            assert_eq!(fault_of(curve, &Material::Raw(compressed)), None);
            let mut beside = point.clone();
            beside[curve.size] ^= 1;
            assert_eq!(fault_of(curve, &as_jwk(curve, None, &beside)), Some("DataError"));
            for wrong in [&*beside, &point[1..], &[], &[0]] {
                assert_eq!(fault_of(curve, &Material::Raw(wrong.to_vec())), Some("DataError"));
            }
        }
    }

    #[test]
    fn a_jwk_names_its_curve() {
        let (d, point) = new_key(&CURVES[0]);
        let wrong = as_jwk(&CURVES[0], Some(&d), &point);
        assert_eq!(fault_of(&CURVES[1], &wrong), Some("DataError"));
        assert_eq!(fault_of(&CURVES[0], &jwk(&[("kty", "EC")])), Some("DataError"));
    }

    fn pkcs8(index: usize) -> Vec<u8> {
        let algorithm = [
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &ECDSA_P384_SHA384_FIXED_SIGNING,
            &ECDSA_P521_SHA512_FIXED_SIGNING,
        ][index];
        EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap().as_ref().to_vec()
    }

    #[test]
    fn a_pkcs8_key_is_one_of_its_curve() {
        for (index, curve) in CURVES.iter().enumerate() {
            let bytes = pkcs8(index);
            assert_eq!(fault_of(curve, &Material::Pkcs8(bytes.clone())), None);
            for (other, _) in CURVES.iter().enumerate().filter(|(other, _)| *other != index) {
                // The outer identifier is deno_crypto's to look at.
                let fault = fault_of(&CURVES[other], &Material::Pkcs8(bytes.clone()));
                assert_eq!(fault, Some("DataError"));
            }
            // The public key stands at the end.
            let mut wrong = bytes.clone();
            *wrong.last_mut().unwrap() ^= 1;
            assert_eq!(fault_of(curve, &Material::Pkcs8(wrong)), Some("DataError"));
        }
    }

    #[test]
    fn parsers_of_both_kinds_read_the_same_key() {
        let bytes = pkcs8(0);
        let info = PrivateKeyInfo::try_from(&*bytes).unwrap();
        let key = EcPrivateKey::try_from(info.private_key).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes).unwrap();
        assert_eq!(key.public_key, Some(pair.public_key().as_ref()));
        let other = PrivateKey::from_private_key(&ECDH_P256, key.private_key).unwrap();
        let der: EcPrivateKeyRfc5915Der<'_> = other.as_der().unwrap();
        assert_eq!(EcPrivateKey::try_from(der.as_ref()).unwrap().private_key, key.private_key);
    }

    proptest! {
        #[test]
        fn a_changed_pkcs8_key_is_refused_or_the_same(index in 0usize..3, at: prop::sample::Index, bit in 0u8..8) {
            let mut bytes = pkcs8(index);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let fault = fault_of(&CURVES[index], &Material::Pkcs8(bytes.clone()));
            if fault.is_none()
                && let Ok(info) = PrivateKeyInfo::try_from(&*bytes)
            {
                let key = EcPrivateKey::try_from(info.private_key).unwrap();
                prop_assert!(key.private_key.len() == CURVES[index].size);
            }
        }
    }
}
