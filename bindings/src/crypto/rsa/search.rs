//! RSA keys of sizes and exponents that aws-lc-rs does not make. The search for primes may take
//! long; it looks again and again whether anybody waits for it.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use num_bigint_dig::prime::probably_prime;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use rsa::traits::PrivateKeyParts;
use rsa::{BigUint, RsaPrivateKey};

use super::RsaKey;
use crate::crypto::work::Budget;

/// Rounds of Miller and Rabin, beside that of Lucas: for random candidates of 256 bits and more
/// the chance of a composite is far below 2^-100 (FIPS 186-5, appendix B.3).
const ROUNDS: usize = 16;
/// Candidates with a divisor below this are not looked at closer.
const SIEVED: u32 = 2000;
/// Odd numbers after a random one that are candidates.
const WINDOW: u32 = 2000;

/// A key of the primes of others, which aws-lc-rs finds much faster: of those of two, two will do, on
/// average. Nothing where the search is given up.
pub(super) fn of_others(size: KeySize, exponent: u32, budget: &Budget) -> Option<RsaKey> {
    let mut primes = Vec::new();
    while !budget.is_over() {
        let other = KeyPair::generate(size).ok()?;
        let other: Pkcs8V1Der<'_> = other.as_der().ok()?;
        let other = RsaPrivateKey::from_pkcs8_der(other.as_ref()).ok()?;
        let fit = other.primes().iter().filter(|prime| remainder(prime, exponent) != 1);
        primes.extend(fit.cloned());
        if primes.len() >= 2
            && let Some(key) = key_of(primes.swap_remove(0), primes.swap_remove(0), exponent)
        {
            return Some(key);
        }
    }
    None
}

/// A key in DER; nothing where the search is given up.
pub(super) fn rsa_key(bits: u32, exponent: u32, budget: &Budget) -> Option<RsaKey> {
    let primes = small_primes();
    loop {
        let first = prime(bits.div_ceil(2), exponent, &primes, budget)?;
        let second = prime(bits / 2, exponent, &primes, budget)?;
        if let Some(key) = key_of(first, second, exponent) {
            return Some(key);
        }
    }
}

/// Nothing where both primes are the same.
fn key_of(first: BigUint, second: BigUint, exponent: u32) -> Option<RsaKey> {
    let key = RsaPrivateKey::from_p_q(first, second, BigUint::from(exponent)).ok()?;
    let public = key.to_public_key().to_public_key_der().ok()?;
    Some((key.to_pkcs8_der().ok()?.as_bytes().to_vec(), public.into_vec()))
}

/// A prime of so many bits, of which the upper two are set, so that a product of two has as many as
/// both. One less has no divisor in common with the exponent, which is a prime.
fn prime(bits: u32, exponent: u32, primes: &[u32], budget: &Budget) -> Option<BigUint> {
    loop {
        let start = random(bits)?;
        let remainders: Vec<u32> = primes.iter().map(|&prime| remainder(&start, prime)).collect();
        let of_exponent = remainder(&start, exponent);
        for step in (0..WINDOW).map(|step| step * 2) {
            let has_divisor =
                primes.iter().zip(&remainders).any(|(prime, rest)| (rest + step) % prime == 0);
            if has_divisor || (of_exponent + step) % exponent == 1 {
                continue;
            }
            if budget.is_over() {
                return None;
            }
            let candidate = &start + step;
            if candidate.bits() == bits as usize && probably_prime(&candidate, ROUNDS) {
                return Some(candidate);
            }
        }
    }
}

fn remainder(number: &BigUint, by: u32) -> u32 {
    let digits = (number % by).to_bytes_le();
    digits.iter().rev().fold(0, |sum, &byte| (sum << 8) | u32::from(byte))
}

/// An odd number.
fn random(bits: u32) -> Option<BigUint> {
    let mut bytes = vec![0; bits.div_ceil(8) as usize];
    rand::fill(&mut bytes).ok()?;
    let number = BigUint::from_bytes_be(&bytes) % (BigUint::from(1u32) << bits as usize);
    let upper = BigUint::from(3u32) << (bits as usize - 2);
    Some(number | upper | BigUint::from(1u32))
}

/// The odd ones below `SIEVED`.
fn small_primes() -> Vec<u32> {
    let mut primes: Vec<u32> = Vec::new();
    for number in (3..SIEVED).step_by(2) {
        if primes.iter().all(|prime| number % prime != 0) {
            primes.push(number);
        }
    }
    primes
}

#[cfg(test)]
mod tests {
    use rsa::RsaPublicKey;
    use rsa::pkcs8::DecodePublicKey;
    use rsa::traits::PublicKeyParts;

    use super::*;

    #[test]
    fn a_found_key_is_one() {
        for (bits, exponent) in [(512, 3), (1024, 65537), (1032, 3)] {
            let (private, public) = rsa_key(bits, exponent, &Budget::endless()).unwrap();
            let key = RsaPrivateKey::from_pkcs8_der(&private).unwrap();
            key.validate().unwrap();
            assert_eq!(key.n().bits(), bits as usize);
            assert_eq!(*key.e(), BigUint::from(exponent));
            assert_eq!(key.to_public_key(), RsaPublicKey::from_public_key_der(&public).unwrap());
        }
    }

    #[test]
    fn a_key_of_the_primes_of_others_is_one() {
        let (private, public) = of_others(KeySize::Rsa2048, 3, &Budget::endless()).unwrap();
        KeyPair::from_pkcs8(&private).unwrap();
        let public = RsaPublicKey::from_public_key_der(&public).unwrap();
        assert_eq!(public.n().bits(), 2048);
        assert_eq!(*public.e(), BigUint::from(3u32));
    }

    #[test]
    fn a_search_is_given_up() {
        assert!(rsa_key(4096, 3, &Budget::over()).is_none());
        assert!(of_others(KeySize::Rsa4096, 3, &Budget::over()).is_none());
    }

    #[test]
    fn numbers_are_odd_and_as_long_as_asked_for() {
        for bits in [256, 257, 300, 1024] {
            let number = random(bits).unwrap();
            assert_eq!(number.bits(), bits as usize);
            assert_eq!(remainder(&number, 2), 1);
        }
        assert_eq!(small_primes()[..4], [3, 5, 7, 11]);
    }
}
