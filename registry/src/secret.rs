//! A secret's value, which shows itself to nobody by accident, and the key that it is encrypted
//! with on disk. Where the encrypted values are kept is the registry's.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::archives::sync_folder;
use crate::error::RegistryError;

const KEY_BYTES: usize = 32;
/// What a key is for, so that no value of another kind can ever pass for a secret.
const PURPOSE: &str = "isolane secret 1";

/// The value of a secret. It does not show in `Debug`, and errors never carry it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The key of a node's secrets, AES-256-GCM, from a file of 64 hexadecimal digits that only its
/// owner may read.
pub(crate) struct SecretKey {
    key: LessSafeKey,
    path: PathBuf,
}

impl SecretKey {
    /// Reads the key.
    pub(crate) fn load(path: &Path) -> Result<Self, RegistryError> {
        let mut file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => refused(
                path,
                "is missing, and the secrets were encrypted with it: restore it from a backup",
            ),
            _ => RegistryError::io(path)(error),
        })?;
        let mode = file.metadata().map_err(RegistryError::io(path))?.mode();
        if mode & 0o077 != 0 {
            return Err(refused(path, "can be read by others than its owner: chmod 600 it"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(RegistryError::io(path))?;
        let bytes =
            decode_hex(text.trim()).ok_or_else(|| refused(path, "is not 64 hexadecimal digits"))?;
        Ok(Self { key: key_of(&bytes), path: path.to_owned() })
    }

    /// Reads the key; an absent one is made, at random.
    pub(crate) fn load_or_make(path: &Path) -> Result<Self, RegistryError> {
        if !path.try_exists().map_err(RegistryError::io(path))? {
            Self::make(path)?;
        }
        Self::load(path)
    }

    /// Encrypts a value for that worker and name, with a fresh nonce.
    pub(crate) fn seal(
        &self,
        worker: &str,
        name: &str,
        secret: &Secret,
    ) -> Result<Vec<u8>, RegistryError> {
        let failed = |_| refused(&self.path, "cannot encrypt");
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(failed)?;
        let mut text = secret.0.clone().into_bytes();
        let tagged = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(tagged, place(worker, name), &mut text)
            .map_err(failed)?;
        Ok([nonce.as_slice(), &text].concat())
    }

    /// Decrypts what was encrypted for that worker and name.
    pub(crate) fn open(
        &self,
        worker: &str,
        name: &str,
        sealed: &[u8],
    ) -> Result<Secret, RegistryError> {
        let wrong = || {
            let problem = format!(
                "does not open the secret {name} of worker {worker}: it is another key, or the secret is damaged"
            );
            refused(&self.path, &problem)
        };
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key.open_in_place(nonce, place(worker, name), &mut text);
        let opened = opened.map_err(|_| wrong())?;
        String::from_utf8(opened.to_vec()).map(Secret).map_err(|_| wrong())
    }

    /// Writes a new key; whoever finds the file finds it whole.
    fn make(path: &Path) -> Result<(), RegistryError> {
        let mut bytes = [0; KEY_BYTES];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| refused(path, "cannot be made"))?;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        // What a process that was killed here has left may have any mode.
        let _ = fs::remove_file(&temporary);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(&temporary).map_err(RegistryError::io(&temporary))?;
        writeln!(file, "{digits}")
            .and_then(|()| file.sync_all())
            .map_err(RegistryError::io(&temporary))?;
        fs::rename(&temporary, path).map_err(RegistryError::io(path))?;
        match path.parent() {
            Some(folder) if folder != Path::new("") => sync_folder(folder),
            _ => sync_folder(Path::new(".")),
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What a secret is bound to: moved to another worker or name, it does not open. No name has a NUL.
fn place(worker: &str, name: &str) -> Aad<Vec<u8>> {
    Aad::from([PURPOSE, worker, name].join("\0").into_bytes())
}

fn key_of(bytes: &[u8; KEY_BYTES]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("the key has the cipher's length"))
}

fn refused(path: &Path, problem: &str) -> RegistryError {
    RegistryError::Key { path: path.to_owned(), problem: problem.to_owned() }
}

fn decode_hex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let text = text.as_bytes();
    let mut bytes = [0; KEY_BYTES];
    if text.len() != 2 * KEY_BYTES {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        // `from_str_radix` would take a sign.
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn key() -> SecretKey {
        SecretKey { key: key_of(&[7; KEY_BYTES]), path: PathBuf::from("secrets.key") }
    }

    fn secret() -> Secret {
        Secret::from("hunter2".to_owned())
    }

    #[test]
    fn a_sealed_secret_opens_at_its_place_alone() {
        let key = key();
        let sealed = key.seal("shop", "TOKEN", &secret()).unwrap();
        assert_eq!(key.open("shop", "TOKEN", &sealed).unwrap(), secret());
        for (worker, name) in [("shop", "OTHER"), ("other", "TOKEN"), ("shopTOKEN", "")] {
            let error = key.open(worker, name, &sealed).unwrap_err().to_string();
            assert!(error.contains("secrets.key") && !error.contains("hunter2"), "{error}");
        }
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            key.open("shop", "TOKEN", &damaged).unwrap_err();
            key.open("shop", "TOKEN", &sealed[..at]).unwrap_err();
        }
    }

    #[test]
    fn the_same_value_is_never_sealed_to_the_same_bytes() {
        let key = key();
        let sealed = || key.seal("shop", "TOKEN", &secret()).unwrap();
        assert_ne!(sealed(), sealed());
        assert!(!sealed().windows(7).any(|bytes| bytes == b"hunter2"));
    }

    #[test]
    fn a_secret_and_a_key_show_nothing_in_debug() {
        assert_eq!(format!("{:?}", secret()), "Secret(…)");
        assert_eq!(format!("{:?}", key()), "SecretKey { path: \"secrets.key\", .. }");
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.key");
        let sealed = SecretKey::load_or_make(&path).unwrap().seal("a", "B", &secret()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let again = SecretKey::load_or_make(&path).unwrap();
        assert_eq!(again.open("a", "B", &sealed).unwrap(), secret());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = SecretKey::load(&path).unwrap_err().to_string();
        assert!(error.contains("secrets.key, can be read by others"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.key");
        let error = SecretKey::load(&path).unwrap_err().to_string();
        assert!(error.contains("is missing"), "{error}");
        for text in ["", "00", &"0".repeat(63), &"+0".repeat(32), &"0".repeat(65), &"é".repeat(32)]
        {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = SecretKey::load(&path).unwrap_err().to_string();
            assert!(error.contains("is not 64 hexadecimal digits"), "{error}");
        }
    }
}
