//! Archives keep bundles as they are, and whatever else is sent is refused without harm. Which
//! addresses they have is in `tests/addresses.rs`.

mod addresses;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::bundle::{Module, ModuleKind};
use crate::settings::Settings;

fn module(specifier: &str, source: &str) -> Module {
    Module {
        specifier: specifier.to_owned(),
        kind: ModuleKind::EsModule,
        source: source.as_bytes().into(),
        source_map: None,
        imports: BTreeMap::new(),
    }
}

fn sample() -> Bundle {
    let mut main = module("src/index.ts", "import './b.js'; import 'node:fs'; export default {}");
    main.source_map = Some(Arc::from("{\"version\":3}"));
    main.imports.insert("./b.js".to_owned(), "b.js".to_owned());
    main.imports.insert("node:fs".to_owned(), "node:fs".to_owned());
    main.imports.insert("cloudflare:workers".to_owned(), "cloudflare:workers".to_owned());
    let data = Module {
        kind: ModuleKind::Data,
        source: Arc::from(&[0xff, 0, 1][..]),
        ..module("d.bin", "")
    };
    let mut settings = Settings { unsafe_eval: true, ..Settings::default() };
    settings.vars.insert("A".to_owned(), serde_json::json!({ "z": 1.1, "a": [null, 1e300] }));
    Bundle {
        name: "shop".to_owned(),
        main: "src/index.ts".to_owned(),
        modules: vec![main, module("b.js", ""), data],
        settings,
        warnings: Vec::new(),
        inputs: vec!["/home/ada/shop".into()],
        folders: Vec::new(),
    }
}

fn read(archive: &[u8]) -> Result<Bundle, ArchiveError> {
    Bundle::from_archive(archive, ArchiveLimits::default())
}

fn unpack(archive: &[u8]) -> Result<Unpacked, ArchiveError> {
    Unpacked::from_archive(archive, ArchiveLimits::default())
}

fn refusal(archive: &[u8]) -> String {
    read(archive).expect_err("the archive is refused").to_string()
}

/// A tar of those files, gzipped.
fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        // Past the checks of the library that writes.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A `bundle.json` of format 1, which says of no file what it is.
fn manifest(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let mut json = serde_json::json!({
        "format": 1, "name": "shop", "main": "a.js", "settings": {},
        "modules": [{ "specifier": "a.js", "kind": "es_module", "file": "modules/0" }],
    });
    change(&mut json);
    serde_json::to_vec(&json).unwrap()
}

#[test]
fn a_bundle_comes_back_as_it_was() {
    let bundle = sample();
    let archive = bundle.to_archive();
    assert_eq!(archive, bundle.to_archive(), "the bytes are the same each time");
    let unpacked = unpack(&archive).unwrap();
    assert_eq!((&unpacked.id, unpacked.bundle.id()), (&bundle.id(), bundle.id()));
    assert_eq!(read(&archive).unwrap().id(), bundle.id());
    assert_eq!(unpacked.bundle.settings, bundle.settings);
    assert!(unpacked.bundle.inputs.is_empty(), "a developer's paths are not uploaded");
    assert!(unpacked.gzip_bytes <= archive.len() as u64 && unpacked.gzip_bytes > 100);
}

#[test]
fn an_archive_of_before_a_setting_has_its_default() {
    let bytes = manifest(|_| {});
    let bundle = read(&pack(&[("bundle.json", &bytes), ("modules/0", b"x")])).unwrap();
    assert_eq!(bundle.settings, Settings::default());
}

#[test]
fn what_is_not_a_bundle_is_refused_and_says_why() {
    type Change = fn(&mut serde_json::Value);
    let cases: [(Change, &str); 15] = [
        (|it| it["format"] = 3.into(), "the archive has format 3"),
        (|it| it["name"] = "Shop".into(), "\"Shop\" is not the name of a worker"),
        (|it| it["name"] = "../a".into(), "\"../a\" is not the name"),
        (|it| it["main"] = "b.js".into(), "its first module is not the main one"),
        (|it| it["modules"] = serde_json::json!([]), "a file that is not in bundle.json"),
        (|it| it["modules"][0]["kind"] = "text".into(), "its first module is not the main one"),
        (|it| it["modules"][0]["kind"] = "python".into(), "unknown variant `python`"),
        (|it| it["modules"][0]["file"] = "../../etc/passwd".into(), "the file of module 0 is"),
        (|it| it["modules"][0]["source_map"] = "/a".into(), "the source map of module 0 is"),
        (|it| it["modules"][0]["source_map"] = "maps/0".into(), "maps/0 is missing"),
        (|it| it["modules"][0]["imports"] = serde_json::json!({ "./x": "x.js" }), "leads nowhere"),
        (|it| it["modules"][0]["imports"] = serde_json::json!({ "x": "node:fs" }), "leads nowhere"),
        (|it| it["settings"]["limits"] = serde_json::json!({ "cpu_ms": 0 }), "limits.cpu_ms is 0"),
        (|it| it["settings"] = 1.into(), "the settings are not an object"),
        (
            |it| {
                it["main"] = "node:fs".into();
                it["modules"][0]["specifier"] = "node:fs".into();
            },
            "cannot be the name of a module",
        ),
    ];
    for (change, expected) in cases {
        let bytes = manifest(change);
        let message = refusal(&pack(&[("bundle.json", &bytes), ("modules/0", b"x")]));
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    }
}

#[test]
fn files_come_once_and_in_order_and_are_files() {
    let bytes = manifest(|it| {
        it["modules"] = serde_json::json!([
            { "specifier": "a.js", "kind": "es_module", "file": "modules/0" },
            { "specifier": "b.js", "kind": "es_module", "file": "modules/1" },
        ]);
    });
    let json = ("bundle.json", bytes.as_slice());
    let (one, two) = (("modules/0", b"0".as_slice()), ("modules/1", b"1".as_slice()));
    read(&pack(&[json, one, two])).unwrap();
    let cases = [
        vec![],
        vec![one],
        vec![json, one],
        vec![json, two, one],
        vec![json, one, one],
        vec![json, one, one, two],
        vec![json, one, two, two],
        vec![json, json, one, two],
        vec![json, ("../modules/0", b"0"), two],
        vec![json, ("/modules/0", b"0"), two],
    ];
    for files in cases {
        refusal(&pack(&files));
    }
    let twice = manifest(|it| {
        let module = it["modules"][0].clone();
        it["modules"] = serde_json::json!([module, module]);
        it["modules"][1]["file"] = "modules/1".into();
    });
    let message = refusal(&pack(&[("bundle.json", &twice), one, two]));
    assert!(message.contains("or is that of two"), "{message}");

    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut link = tar::Header::new_ustar();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    tar.append_link(&mut link, "bundle.json", "/etc/passwd").unwrap();
    let archive = tar.into_inner().unwrap().finish().unwrap();
    assert!(refusal(&archive).contains("expected the file bundle.json"));
}

#[test]
fn text_has_to_be_text() {
    let bytes = manifest(|_| {});
    let message = refusal(&pack(&[("bundle.json", &bytes), ("modules/0", b"\xff")]));
    assert!(message.contains("a.js is not UTF-8"), "{message}");
}

#[test]
fn what_is_too_large_is_refused_before_it_is_unpacked() {
    let big = vec![b'x'; 300_000];
    let bytes = manifest(|_| {});
    let archive = pack(&[("bundle.json", &bytes), ("modules/0", &big)]);
    let limits = ArchiveLimits { gzip_bytes: 10_000, raw_bytes: 200_000, map_bytes: 0 };
    let error = Bundle::from_archive(&archive, limits).unwrap_err();
    assert_eq!(error, ArchiveError::TooLarge { what: "modules", limit_bytes: 200_000 });

    let mut noise = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        b'a' + (noise >> 59) as u8 % 26
    })
    .take(100_000)
    .collect();
    let archive = pack(&[("bundle.json", &bytes), ("modules/0", &noise)]);
    let error = Bundle::from_archive(&archive, limits).unwrap_err();
    let what = "modules, compressed,";
    assert_eq!(error, ArchiveError::TooLarge { what, limit_bytes: 10_000 });

    let mapped = manifest(|it| it["modules"][0]["source_map"] = "maps/0".into());
    let archive = pack(&[("bundle.json", &mapped), ("modules/0", b"x"), ("maps/0", b"{}")]);
    let error = Bundle::from_archive(&archive, limits).unwrap_err();
    assert_eq!(error, ArchiveError::TooLarge { what: "source maps", limit_bytes: 0 });
    let limits = ArchiveLimits { map_bytes: 2, ..limits };
    Bundle::from_archive(&archive, limits).unwrap();
}

#[test]
fn nothing_may_follow_the_end() {
    let whole = sample().to_archive();
    let mut more = whole.clone();
    more.push(0);
    assert!(refusal(&more).contains("goes on after its end"));
    more.splice(whole.len().., whole.iter().copied());
    refusal(&more);
    let mut zeros = GzEncoder::new(Vec::new(), Compression::best());
    let bytes = manifest(|_| {});
    let packed = pack(&[("bundle.json", &bytes), ("modules/0", b"")]);
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(&*packed).read_to_end(&mut tar).unwrap();
    tar.resize(tar.len() + (1 << 20), 0);
    zeros.write_all(&tar).unwrap();
    assert!(refusal(&zeros.finish().unwrap()).contains("goes on after its end"));
}

fn any_bundle() -> impl Strategy<Value = Bundle> {
    let text = "[a-zé\u{1F600}\\n\"]{0,40}";
    let modules =
        prop::collection::btree_map("[a-z/]{1,8}\\.js", (text, prop::option::of(text)), 1..6);
    let vars = prop::collection::btree_map("[A-Z]{1,4}", any::<f64>(), 0..4);
    (modules, vars, "[a-z][a-z0-9]{0,20}").prop_map(|(modules, vars, name)| {
        let names: Vec<_> = modules.keys().cloned().collect();
        let modules = modules.into_iter().map(|(specifier, (source, map))| Module {
            source_map: map.map(Arc::from),
            imports: names.iter().map(|name| (format!("./{name}"), name.clone())).collect(),
            ..module(&specifier, &source)
        });
        let mut bundle =
            Bundle { name, main: names[0].clone(), modules: modules.collect(), ..sample() };
        bundle.settings.vars =
            vars.into_iter().map(|(name, number)| (name, serde_json::json!(number))).collect();
        bundle
    })
}

proptest! {
    #[test]
    fn any_bundle_keeps_its_address(bundle in any_bundle()) {
        let archive = bundle.to_archive();
        prop_assert_eq!(unpack(&archive).unwrap().id, bundle.id());
    }

    #[test]
    fn damage_is_refused_and_never_a_panic(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let whole = sample().to_archive();
        let at = at.index(whole.len());
        prop_assert!(read(&whole[..at]).is_err(), "it was cut off at {}", at);
        let mut damaged = whole;
        damaged[at] ^= 1 << bit;
        // Some bits say nothing: when it was made, and those that fill the last byte.
        if let Ok(unpacked) = unpack(&damaged) {
            prop_assert_eq!(unpacked.id, sample().id());
        }
    }

    #[test]
    fn any_tar_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&bytes).unwrap();
        prop_assert!(read(&gzip.finish().unwrap()).is_err());
        prop_assert!(read(&bytes).is_err());
    }
}
