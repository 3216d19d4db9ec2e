//! The addresses of bundles, which are those of their `bundle.json`: deployed versions are named by
//! them, so they stay what they are.

use serde_json::{Value, json};

use super::*;
use crate::archive::check;

fn hello(settings: Value) -> Bundle {
    let source = "export default { fetch() { return new Response(\"hello\") } }";
    Bundle {
        name: "hello".to_owned(),
        main: "index.js".to_owned(),
        modules: vec![module("index.js", source)],
        settings: check::settings(settings).unwrap(),
        warnings: Vec::new(),
        inputs: Vec::new(),
        folders: Vec::new(),
    }
}

fn shop_settings() -> Value {
    json!({
        "compatibility_date": "2026-08-22",
        "compatibility_flags": ["nodejs_compat"],
        "routes": ["shop.example.com/*"],
        "vars": { "GREETING": "Good day", "LIMIT": 3 },
        "kv_namespaces": [{ "binding": "CART", "id": "c1" }, { "binding": "USERS", "id": null }],
        "missing_bindings": { "DB": "d1_databases" },
        "limits": { "cpu_ms": 50, "memory_mb": null, "subrequests": null },
        "unsafe_eval": true,
    })
}

fn shop() -> Bundle {
    let mut main = module("src/index.ts", "import './b.js'");
    main.source_map = Some(Arc::from("{\"version\":3}"));
    main.imports.insert("./b.js".to_owned(), "b.js".to_owned());
    main.imports.insert("node:fs".to_owned(), "node:fs".to_owned());
    let data = Module {
        kind: ModuleKind::Data,
        source: Arc::from(&[0xff, 0, 1][..]),
        ..module("d.bin", "")
    };
    Bundle {
        name: "shop".to_owned(),
        main: "src/index.ts".to_owned(),
        modules: vec![main, module("b.js", ""), data],
        settings: check::settings(shop_settings()).unwrap(),
        ..hello(json!({}))
    }
}

fn watched() -> Bundle {
    hello(json!({
        "crons": ["*/5 * * * *"],
        "queue_producers": [{ "binding": "ORDERS", "queue": "orders" }],
        "queue_consumers": [
            { "queue": "orders", "max_batch_size": 5, "dead_letter_queue": "lost" },
        ],
        "services": [{ "binding": "STOCK", "service": "stock", "entrypoint": "Api" }],
        "tail_consumers": ["watcher"],
    }))
}

#[test]
fn addresses_stay_what_they_are() {
    let cases = [
        (
            hello(json!({})),
            concat!(
                r#"{"format":2,"name":"hello","main":"index.js","settings":{},"#,
                r#""modules":[{"specifier":"index.js","kind":"es_module","file":"modules/0","#,
                r#""sha256":"8eda452e70147ea1b7f50d5d44bb494b2e96f545fdd77835dfb2079b7cf3843e"}]}"#,
            ),
            "105203370b567a58b1e85f4fabcc440a430d737447bc2c32d2d7b35e7ac7f10d",
        ),
        (
            shop(),
            concat!(
                r#"{"format":2,"name":"shop","main":"src/index.ts","settings":{"#,
                r#""compatibility_date":"2026-08-22","compatibility_flags":["nodejs_compat"],"#,
                r#""kv_namespaces":[{"binding":"CART","id":"c1"},{"binding":"USERS"}],"#,
                r#""limits":{"cpu_ms":50},"missing_bindings":{"DB":"d1_databases"},"#,
                r#""routes":["shop.example.com/*"],"unsafe_eval":true,"#,
                r#""vars":{"GREETING":"Good day","LIMIT":3}},"#,
                r#""modules":[{"specifier":"src/index.ts","kind":"es_module","file":"modules/0","#,
                r#""sha256":"8a5a7d9d9ba9628be38cde5e9911d9eaf294abab456e3aac1744f195a5b2b87b","#,
                r#""source_map":"maps/0","source_map_sha256":"#,
                r#""9af23cea10a478f3bb916ff35c07a36debe444adf9b56814ab63861ec674ab8b","#,
                r#""imports":{"./b.js":"b.js","node:fs":"node:fs"}},"#,
                r#"{"specifier":"b.js","kind":"es_module","file":"modules/1","#,
                r#""sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"#,
                r#"{"specifier":"d.bin","kind":"data","file":"modules/2","#,
                r#""sha256":"942e1e2a66a427b6551732f758bc314f22b9cdec9365a3425c9184de299392b5"}]}"#,
            ),
            "2c750f2177c54d55b7dcb4d7b8f4c4544e5e420f6de3e7e8fa295e82c4dbe0ad",
        ),
        (
            watched(),
            concat!(
                r#"{"format":2,"name":"hello","main":"index.js","settings":{"#,
                r#""crons":["*/5 * * * *"],"queue_consumers":[{"dead_letter_queue":"lost","#,
                r#""max_batch_size":5,"queue":"orders"}],"#,
                r#""queue_producers":[{"binding":"ORDERS","queue":"orders"}],"#,
                r#""services":[{"binding":"STOCK","entrypoint":"Api","service":"stock"}],"#,
                r#""tail_consumers":["watcher"]},"#,
                r#""modules":[{"specifier":"index.js","kind":"es_module","file":"modules/0","#,
                r#""sha256":"8eda452e70147ea1b7f50d5d44bb494b2e96f545fdd77835dfb2079b7cf3843e"}]}"#,
            ),
            "51ac29cf034e5a0cad7d0ad16be880ab94d02bf360285edf160f429c2e2334a4",
        ),
    ];
    for (bundle, manifest, address) in cases {
        let written = String::from_utf8(crate::archive::manifest(&bundle)).unwrap();
        assert_eq!(written, manifest);
        assert_eq!(bundle.id().as_str(), address);
        let unpacked = unpack(&bundle.to_archive()).unwrap();
        assert_eq!(unpacked.id.as_str(), address);
        assert_eq!(unpacked.bundle.id().as_str(), address);
    }
}

/// The bundle of [`shop`] as programs wrote it that knew format 1 alone.
fn shop_of_format_1(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let imports = json!({ "./b.js": "b.js", "node:fs": "node:fs" });
    let mut manifest = json!({
        "format": 1, "name": "shop", "main": "src/index.ts", "settings": shop_settings(),
        "modules": [
            { "specifier": "src/index.ts", "kind": "es_module", "file": "modules/0",
              "source_map": "maps/0", "imports": imports },
            { "specifier": "b.js", "kind": "es_module", "file": "modules/1" },
            { "specifier": "d.bin", "kind": "data", "file": "modules/2" },
        ],
    });
    change(&mut manifest);
    let manifest = serde_json::to_vec(&manifest).unwrap();
    pack(&[
        ("bundle.json", &manifest),
        ("modules/0", b"import './b.js'"),
        ("modules/1", b""),
        ("modules/2", &[0xff, 0, 1]),
        ("maps/0", b"{\"version\":3}"),
    ])
}

#[test]
fn an_archive_of_format_1_keeps_the_address_that_it_had() {
    const ADDRESS: &str = "a8d3be620ed8c7af7b6358c094c9c5a140475cad0a2a3f3eaec46f4343b628cd";
    let unpacked = unpack(&shop_of_format_1(|_| {})).unwrap();
    assert_eq!(unpacked.id.as_str(), ADDRESS);
    assert_eq!(unpacked.bundle.settings, shop().settings);
    // Written anew it is another archive, with the address of that.
    assert_eq!(unpacked.bundle.id(), shop().id());
    // What format 1 did not have was nothing to it.
    let more = shop_of_format_1(|manifest| manifest["settings"]["colour"] = "blue".into());
    assert_eq!(unpack(&more).unwrap().id.as_str(), ADDRESS);
}

/// An archive of [`hello`] with another `bundle.json`.
fn hello_with(change: impl FnOnce(&mut Value)) -> (Vec<u8>, Vec<u8>) {
    let bundle = hello(json!({}));
    let mut manifest: Value = serde_json::from_slice(&crate::archive::manifest(&bundle)).unwrap();
    change(&mut manifest);
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let archive = pack(&[("bundle.json", &manifest), ("modules/0", &bundle.modules[0].source)]);
    (archive, manifest)
}

#[test]
fn what_a_program_does_not_know_counts_for_the_address_all_the_same() {
    let changes: [fn(&mut Value); 3] = [
        |it| it["settings"]["colour"] = json!({ "z": 1, "a": [null] }),
        |it| it["modules"][0]["colour"] = "blue".into(),
        |it| it["colour"] = "blue".into(),
    ];
    for change in changes {
        let (archive, manifest) = hello_with(change);
        let unpacked = unpack(&archive).unwrap();
        assert_eq!(unpacked.id, VersionId::of(&manifest));
        assert_ne!(unpacked.id, unpacked.bundle.id());
    }
}

#[test]
fn a_file_has_to_be_the_one_that_is_named() {
    let missing = "the SHA-256 of modules/0 is not in bundle.json";
    type Case = (fn(&mut Value), &'static str);
    let cases: [Case; 3] = [
        (|it| it["modules"][0]["sha256"] = "00".into(), "modules/0 has the SHA-256 8eda452e"),
        (|it| it["modules"][0]["sha256"] = Value::Null, missing),
        (|it| drop(it["modules"][0].as_object_mut().unwrap().remove("sha256")), missing),
    ];
    for (change, expected) in cases {
        let (archive, _) = hello_with(change);
        let message = unpack(&archive).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        // Of an archive that was taken once this is not asked again.
        read(&archive).unwrap();
    }
    let bundle = shop();
    let mut manifest: Value = serde_json::from_slice(&crate::archive::manifest(&bundle)).unwrap();
    manifest["modules"][0]["source_map_sha256"] = "00".into();
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let archive = pack(&[
        ("bundle.json", &manifest),
        ("modules/0", &bundle.modules[0].source),
        ("modules/1", &bundle.modules[1].source),
        ("modules/2", &bundle.modules[2].source),
        ("maps/0", b"{\"version\":3}"),
    ]);
    let message = unpack(&archive).unwrap_err().to_string();
    assert!(message.contains("maps/0 has the SHA-256 9af23cea"), "{message}");
}
