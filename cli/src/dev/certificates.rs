//! Certificates for `dev --https`: a local authority in the data folder, kept, and a certificate
//! for this machine's names that it signs at every start. The authority can vouch for names and
//! addresses of this machine and its network alone, so that trusting it risks no other site.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use node::CertificateFiles;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType,
};
use time::{Duration, OffsetDateTime};

const AUTHORITY: &str = "ca.pem";
const AUTHORITY_KEY: &str = "ca.key";
const LEAF: &str = "localhost.pem";
const LEAF_KEY: &str = "localhost.key";

/// The authority is trusted by hand, once.
const AUTHORITY_DAYS: i64 = 3650;
/// The certificate is made anew at every start.
const LEAF_DAYS: i64 = 90;
/// Clocks differ: a certificate is valid a little before it was made.
const SLACK_DAYS: i64 = 1;

/// What was made.
#[derive(Debug, Clone)]
pub(super) struct Local {
    /// The certificate to serve with.
    pub(super) files: CertificateFiles,
    /// The authority's certificate, absolute: the file to trust.
    pub(super) authority: PathBuf,
    /// Whether the authority is a new one, which nothing trusts yet.
    pub(super) is_new: bool,
}

/// Makes a certificate for `localhost`, each of `workers` below it, and `host`, with the authority
/// of that folder, which is made where there is none.
pub(super) fn make(folder: &Path, host: IpAddr, workers: &[String]) -> anyhow::Result<Local> {
    try_make(folder, host, workers)
        .with_context(|| format!("cannot make a certificate in {}", folder.display()))
}

fn try_make(folder: &Path, host: IpAddr, workers: &[String]) -> anyhow::Result<Local> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let folder = folder.canonicalize()?;
    let (key, is_new) = authority_key(&folder)?;
    let params = authority(&key)?;
    let authority = folder.join(AUTHORITY);
    if is_new || !authority.is_file() {
        write(&authority, &params.self_signed(&key)?.pem(), 0o644)?;
    }
    let leaf_key = KeyPair::generate()?;
    let leaf = leaf(host, workers)?.signed_by(&leaf_key, &Issuer::new(params, key))?;
    let files = CertificateFiles { cert: folder.join(LEAF), key: folder.join(LEAF_KEY) };
    write(&files.key, &leaf_key.serialize_pem(), 0o600)?;
    write(&files.cert, &leaf.pem(), 0o644)?;
    Ok(Local { files, authority, is_new })
}

/// The authority's key, and whether it is a new one.
fn authority_key(folder: &Path) -> anyhow::Result<(KeyPair, bool)> {
    let path = folder.join(AUTHORITY_KEY);
    match fs::read_to_string(&path) {
        Ok(pem) => {
            let key = KeyPair::from_pem(&pem)
                .with_context(|| format!("{} is not a private key", path.display()))?;
            Ok((key, false))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = KeyPair::generate()?;
            write(&path, &key.serialize_pem(), 0o600)?;
            Ok((key, true))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The authority's certificate to be. Its name follows from its key, so that the certificates it
/// signs at a later start name the same one.
fn authority(key: &KeyPair) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    let id: String =
        params.key_identifier(key).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = named(&format!("Isolane local authority {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([172, 16, 0, 0], 12)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([192, 168, 0, 0], 16)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(
                std::net::Ipv6Addr::LOCALHOST.octets(),
                128,
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    valid_for(&mut params, AUTHORITY_DAYS);
    Ok(params)
}

fn leaf(host: IpAddr, workers: &[String]) -> anyhow::Result<CertificateParams> {
    let mut names = vec!["localhost".to_owned(), "*.localhost".to_owned()];
    // By name, too: some clients take no wildcard right below a top-level domain.
    names.extend(workers.iter().map(|name| format!("{name}.localhost")));
    let mut params = CertificateParams::new(names)?;
    let mut addresses =
        vec![IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)];
    if !host.is_unspecified() && !addresses.contains(&host) {
        addresses.push(host);
    }
    params.subject_alt_names.extend(addresses.into_iter().map(SanType::IpAddress));
    params.distinguished_name = named("localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    valid_for(&mut params, LEAF_DAYS);
    Ok(params)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn valid_for(params: &mut CertificateParams, days: i64) {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(SLACK_DAYS);
    params.not_after = now + Duration::days(days);
}

/// Replaces a file at once, never with more rights than it ends up with.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// How a person makes this machine trust the authority.
pub(super) fn how_to_trust(authority: &Path) -> String {
    let path = authority.display();
    if cfg!(target_os = "macos") {
        let keychain = "~/Library/Keychains/login.keychain-db";
        format!("security add-trusted-cert -r trustRoot -k {keychain} '{path}'")
    } else {
        let target = "/usr/local/share/ca-certificates/isolane.crt";
        format!("sudo cp '{path}' {target} && sudo update-ca-certificates")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
    }

    #[test]
    fn the_authority_stays_and_its_key_is_nobody_elses() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let folder = folder.path().join("tls");
        let first = make(&folder, HOST, &[]).expect("certificates are made");
        assert!(first.is_new);
        let text = fs::read_to_string(&first.authority).expect("it is there");
        let second = make(&folder, HOST, &["shop".to_owned()]).expect("certificates are made");
        assert!(!second.is_new);
        assert_eq!(fs::read_to_string(&second.authority).expect("it is there"), text);
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(AUTHORITY_KEY)), 0o600);
        assert_eq!(mode(&second.files.key), 0o600);
    }

    #[test]
    fn a_damaged_key_is_named() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        fs::write(folder.path().join(AUTHORITY_KEY), "nonsense").expect("it is written");
        let error = make(folder.path(), HOST, &[]).expect_err("the key is damaged");
        assert!(format!("{error:#}").contains("ca.key is not a private key"), "{error:#}");
    }
}
