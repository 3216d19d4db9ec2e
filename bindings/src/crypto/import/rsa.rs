//! RSA keys: bounds without which nothing would stop what is done with them, and private ones
//! whose numbers belong together (RFC 8017, section 3.2).

use rsa::BigUint;
use rsa::pkcs1::{RsaPrivateKey, RsaPublicKey, UintRef};
use rsa::pkcs8::{PrivateKeyInfo, SubjectPublicKeyInfoRef};

use super::{Checked, Jwk, Material, data_error, fault};

/// Bits of the longest modulus that aws-lc works with.
const MAX_MODULUS: usize = 8192;
/// Bits of the longest public exponent that it works with.
const MAX_EXPONENT: usize = 33;

/// The numbers of a key.
struct Numbers {
    modulus: BigUint,
    exponent: BigUint,
    private: Option<Private>,
}

struct Private {
    exponent: BigUint,
    /// A prime, and the private exponent modulo one less than it.
    first: (BigUint, BigUint),
    second: (BigUint, BigUint),
    /// The inverse of the second prime modulo the first.
    coefficient: BigUint,
}

/// What is no key at all deno_crypto refuses.
pub(super) fn check(material: &Material) -> Checked {
    let numbers = match material {
        Material::Jwk(jwk) => {
            jwk.is("kty", &["RSA"])?;
            of_jwk(jwk)?
        }
        Material::Spki(bytes) => of_spki(bytes),
        Material::Pkcs8(bytes) => of_pkcs8(bytes),
        Material::Raw(_) => None,
    };
    numbers.map_or(Ok(()), |numbers| numbers.check())
}

fn of_jwk(jwk: &Jwk) -> Result<Option<Numbers>, super::Fault> {
    let number = |name| jwk.needs(name).map(|bytes| BigUint::from_bytes_be(&bytes));
    let (modulus, exponent) = (number("n")?, number("e")?);
    // Without the primes deno_crypto refuses it.
    let private = match (jwk.get("d"), jwk.get("p")) {
        (Some(_), Some(_)) => Some(Private {
            exponent: number("d")?,
            first: (number("p")?, number("dp")?),
            second: (number("q")?, number("dq")?),
            coefficient: number("qi")?,
        }),
        _ => None,
    };
    Ok(Some(Numbers { modulus, exponent, private }))
}

fn of_spki(bytes: &[u8]) -> Option<Numbers> {
    let info = SubjectPublicKeyInfoRef::try_from(bytes).ok()?;
    let key = RsaPublicKey::try_from(info.subject_public_key.as_bytes()?).ok()?;
    Some(Numbers {
        modulus: number(key.modulus),
        exponent: number(key.public_exponent),
        private: None,
    })
}

fn of_pkcs8(bytes: &[u8]) -> Option<Numbers> {
    let info = PrivateKeyInfo::try_from(bytes).ok()?;
    let key = RsaPrivateKey::try_from(info.private_key).ok()?;
    Some(Numbers {
        modulus: number(key.modulus),
        exponent: number(key.public_exponent),
        private: Some(Private {
            exponent: number(key.private_exponent),
            first: (number(key.prime1), number(key.exponent1)),
            second: (number(key.prime2), number(key.exponent2)),
            coefficient: number(key.coefficient),
        }),
    })
}

fn number(bytes: UintRef<'_>) -> BigUint {
    BigUint::from_bytes_be(bytes.as_bytes())
}

fn is_odd(number: &BigUint) -> bool {
    number.to_bytes_le().first().is_some_and(|byte| byte & 1 == 1)
}

impl Numbers {
    fn check(&self) -> Checked {
        if self.modulus.bits() > MAX_MODULUS {
            return Err(fault(
                "NotSupportedError",
                format!("RSA keys of more than {MAX_MODULUS} bits are not supported"),
            ));
        }
        let bits = self.exponent.bits();
        if !is_odd(&self.exponent) || !(2..=MAX_EXPONENT).contains(&bits) {
            // As Workers say it.
            return Err(fault("OperationError", "Imported RSA key has invalid publicExponent"));
        }
        if !is_odd(&self.modulus) {
            return Err(data_error("the modulus of an RSA key is odd"));
        }
        match &self.private {
            Some(private) if !private.belongs_to(self) => {
                Err(data_error("the numbers of the RSA key do not belong together"))
            }
            _ => Ok(()),
        }
    }
}

impl Private {
    fn belongs_to(&self, key: &Numbers) -> bool {
        let one = BigUint::from(1u32);
        let primes = [&self.first, &self.second];
        // Bounded first: what is multiplied and divided below is as long as the key.
        if primes.iter().any(|(prime, _)| *prime <= one || prime.bits() > key.modulus.bits())
            || self.exponent.bits() > key.modulus.bits()
            || &self.first.0 * &self.second.0 != key.modulus
        {
            return false;
        }
        let product = &self.exponent * &key.exponent;
        let are_exponents = primes.iter().all(|(prime, exponent)| {
            let order = prime - &one;
            &self.exponent % &order == *exponent && &product % &order == one
        });
        are_exponents
            && self.coefficient < self.first.0
            && &self.coefficient * &self.second.0 % &self.first.0 == one
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
    use rsa::traits::{PrivateKeyParts, PublicKeyParts};

    use super::super::tests::{base64, faults, jwk};
    use super::*;

    const PARTS: [&str; 8] = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

    fn one() -> BigUint {
        BigUint::from(1u32)
    }

    /// A small key, made of known primes.
    fn key() -> rsa::RsaPrivateKey {
        let (p, q) = ((one() << 127usize) - 1u32, (one() << 521usize) - 1u32);
        rsa::RsaPrivateKey::from_p_q(p, q, BigUint::from(65537u32)).unwrap()
    }

    fn parts() -> Vec<BigUint> {
        let key = key();
        let (p, q) = (key.primes()[0].clone(), key.primes()[1].clone());
        let (dp, dq) = (key.d() % (&p - 1u32), key.d() % (&q - 1u32));
        let qi = key.crt_coefficient().unwrap();
        vec![key.n().clone(), key.e().clone(), key.d().clone(), p, q, dp, dq, qi]
    }

    fn with(parts: &[BigUint]) -> Material {
        let texts: Vec<String> = parts.iter().map(|part| base64(&part.to_bytes_be())).collect();
        let mut members: Vec<_> = PARTS.into_iter().zip(texts.iter().map(|text| &**text)).collect();
        members.push(("kty", "RSA"));
        jwk(&members)
    }

    #[test]
    fn a_key_is_one_in_each_form() {
        let key = key();
        assert_eq!(faults("RSA-PSS", "", &with(&parts())), None);
        assert_eq!(faults("RSA-PSS", "", &with(&parts()[..2])), None);
        let pkcs8 = Material::Pkcs8(key.to_pkcs8_der().unwrap().as_bytes().to_vec());
        assert_eq!(faults("RSA-PSS", "", &pkcs8), None);
        let spki = key.to_public_key().to_public_key_der().unwrap().into_vec();
        assert_eq!(faults("RSA-PSS", "", &Material::Spki(spki)), None);
    }

    #[test]
    fn exponents_and_moduli_have_bounds() {
        let public = |n: BigUint, e: BigUint| faults("RSA-OAEP", "", &with(&[n, e]));
        let (n, e) = (key().n().clone(), BigUint::from(65537u32));
        for exponent in [0u64, 1, 2, 65536, (1 << 33) + 1] {
            assert_eq!(public(n.clone(), exponent.into()), Some("OperationError"), "{exponent}");
        }
        assert_eq!(public(n.clone(), ((1u64 << 33) - 1).into()), None);
        assert_eq!(public((one() << 8191usize) + 1u32, e.clone()), None);
        let long = (one() << 8192usize) + 1u32;
        assert_eq!(public(long, e.clone()), Some("NotSupportedError"));
        assert_eq!(public(n - 1u32, e), Some("DataError"));
        assert_eq!(faults("RSA-PSS", "", &jwk(&[("kty", "rsa")])), Some("DataError"));
    }

    proptest! {
        #[test]
        fn no_part_can_be_another(index in 0usize..8, bit in 0usize..640, is_flipped: bool, other: u64) {
            let mut parts = parts();
            let changed = if is_flipped {
                let mask = one() << bit;
                let has = (&parts[index] & &mask) == mask;
                if has { &parts[index] - &mask } else { &parts[index] + &mask }
            } else {
                BigUint::from(other)
            };
            prop_assume!(changed != parts[index]);
            parts[index] = changed;
            prop_assert!(faults("RSA-PSS", "", &with(&parts)).is_some());
        }

        #[test]
        fn what_is_changed_in_der_is_refused_or_no_number(at: prop::sample::Index, bit in 0u8..8) {
            let key = key();
            let mut pkcs8 = key.to_pkcs8_der().unwrap().as_bytes().to_vec();
            let mut spki = key.to_public_key().to_public_key_der().unwrap().into_vec();
            let (place, public) = (at.index(pkcs8.len()), at.index(spki.len()));
            pkcs8[place] ^= 1 << bit;
            spki[public] ^= 1 << bit;
            let _ = check(&Material::Spki(spki));
            if check(&Material::Pkcs8(pkcs8.clone())).is_ok()
                && let Some(numbers) = of_pkcs8(&pkcs8)
            {
                prop_assert_eq!(&numbers.modulus, key.n());
            }
        }
    }
}
