//! What is a project, what it is called, and what is its main module.

mod builds;

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::error::Location;

/// A folder `my_app` with those files, all empty but for those with a text.
fn folder(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path().join("my_app");
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::create_dir_all(&root).unwrap();
    (temporary, root)
}

#[track_caller]
fn check_main(files: &[(&str, &str)], expected: &str) {
    let (_temporary, root) = folder(files);
    let project = Project::open(&root).unwrap();
    assert_eq!(project.main, root.canonicalize().unwrap().join(expected));
    assert_eq!(project.name(), "my-app");
}

#[track_caller]
fn check_error(files: &[(&str, &str)], expected: &str) {
    let (_temporary, root) = folder(files);
    let error = Project::open(&root).unwrap_err().to_string();
    let error = error.replace(root.to_str().unwrap(), "app");
    assert_eq!(error, expected);
}

#[test]
fn the_main_module_is_the_configurations_or_the_first_by_name() {
    check_main(&[("src/index.ts", ""), ("index.mjs", ""), ("index.js", "")], "index.js");
    check_main(&[("src/index.mjs", ""), ("main.ts", "")], "src/index.mjs");
    check_main(&[("worker.js", ""), ("notes.js", "")], "worker.js");
    check_main(&[("src/index.tsx", ""), ("src/main.ts", "")], "src/index.tsx");
    check_main(&[("index.jsx", ""), ("index.mjs", "")], "index.jsx");
    check_main(&[("index.ts", ""), ("x.ts", ""), ("wrangler.toml", "main = './x.ts'")], "x.ts");
    check_main(&[("index.ts", ""), ("wrangler.toml", "")], "index.ts");
}

#[test]
fn a_main_module_that_cannot_be_is_an_error_at_its_place() {
    for (main, what) in [
        ("x.ts", "does not exist"),
        ("src", "is not a file"),
        ("../my_app_secret.js", "does not exist"),
        ("a.txt", "is not a module: expected .js, .mjs, .ts, .mts, .jsx or .tsx"),
    ] {
        check_error(
            &[
                ("src/index.ts", ""),
                ("a.txt", ""),
                ("wrangler.toml", &format!("name = 'a'\nmain = '{main}'")),
            ],
            &format!("app/wrangler.toml:2:8: the main module \"{main}\" {what}"),
        );
    }
}

#[test]
fn a_main_module_may_be_outside_of_the_folder_of_the_configuration() {
    let (_temporary, root) = folder(&[
        ("config/wrangler.toml", "name = 'shop'\nmain = '../src/index.ts'"),
        ("src/index.ts", "import './b'"),
        ("src/b.ts", "globalThis.b = 1"),
    ]);
    let project = Project::open(&root.join("config")).unwrap();
    assert!(project.main.ends_with("my_app/src/index.ts"), "{:?}", project.main);
    let bundle = project.load().unwrap();
    assert_eq!(bundle.main, "index.js");
    assert!(bundle.modules[0].text().unwrap().contains("globalThis.b"));
}

#[test]
fn a_folder_without_a_main_module_says_what_it_could_be() {
    let (_temporary, root) = folder(&[("notes.js", "")]);
    let error = Project::open(&root).unwrap_err().to_string();
    assert!(
        error.contains("set \"main\"") && error.contains("add one of index, src/index, "),
        "{error}"
    );
}

#[test]
fn a_file_is_a_project_named_after_its_stem() {
    let files = [("Hello World.ts", ""), ("a.txt", "")];
    let (_temporary, root) = folder(&files);
    let project = Project::open(&root.join("Hello World.ts")).unwrap();
    assert_eq!(project.name(), "hello-world");
    assert_eq!(project.root(), root.canonicalize().unwrap());
    assert_eq!(project.settings(), &Settings::default());
    assert_eq!(project.config_file, None);

    let error = Project::open(&root.join("a.txt")).unwrap_err();
    assert!(matches!(error, BundleError::NotAProject { .. }), "{error}");
    let error = Project::open(&root.join("absent.ts")).unwrap_err();
    assert!(matches!(error, BundleError::Io { .. }), "{error}");
}

#[test]
fn the_nearest_configuration_counts_for_its_main_module() {
    let files = [
        ("wrangler.toml", "name = 'shop'\nvars = { A = 'a' }\nmain = 'src/index.tsx'"),
        ("src/index.tsx", ""),
        ("src/other.ts", ""),
        ("bare/isolane.toml", "name = 'bare'"),
        ("bare/x/main.ts", ""),
        ("package/package.json", "{}"),
        ("package/index.js", ""),
    ];
    let (_temporary, root) = folder(&files);
    let project = Project::open(&root.join("src/index.tsx")).unwrap();
    assert_eq!((project.name(), project.root()), ("shop", &*root.canonicalize().unwrap()));
    assert_eq!(project.settings().vars["A"], "a");
    assert!(project.warnings().is_empty());
    // One that names no main module counts for any.
    let project = Project::open(&root.join("bare/x/main.ts")).unwrap();
    assert_eq!((project.name(), project.main.ends_with("x/main.ts")), ("bare", true));
    let project = Project::open(&root.join("src/other.ts")).unwrap();
    assert_eq!((project.name(), project.settings()), ("other", &Settings::default()));
    let said = project.warnings()[0].to_string();
    assert!(said.contains("my_app/wrangler.toml does not count for "), "{said}");
    // Another package's does not.
    let project = Project::open(&root.join("package/index.js")).unwrap();
    assert_eq!((project.name(), project.warnings().len()), ("index", 0));
}

#[test]
fn a_broken_configuration_above_a_file_of_another_project_is_a_warning() {
    // By what it names, whether it exists or not; else by where the file is.
    for (toml, fault) in [
        (
            "main = 'src/index.tsx'\nvars = 7",
            "2:8: expected a table for \"vars\", found an integer",
        ),
        ("main = 'dist/gone.js'\nvars = 7", "2:8: expected a table"),
        ("vars = 7", "1:8: expected a table"),
        ("name = ", "1:"),
    ] {
        let files =
            [("wrangler.toml", toml), ("src/index.tsx", ""), ("tools/x.ts", ""), ("here.ts", "")];
        let (_temporary, root) = folder(&files);
        let project = Project::open(&root.join("tools/x.ts")).unwrap();
        assert_eq!((project.name(), project.warnings().len()), ("x", 1), "{toml}");
        let said = project.warnings()[0].to_string();
        assert!(said.contains(&format!("my_app/wrangler.toml:{fault}")), "{toml}: {said}");
        assert!(said.contains("; so this configuration does not count for "), "{toml}: {said}");
        let is_named = toml.contains("src/index.tsx");
        let of_its = Project::open(&root.join("src/index.tsx"));
        assert_eq!(of_its.is_err(), is_named || !toml.contains("main"), "{toml}");
        let beside = Project::open(&root.join("here.ts"));
        assert_eq!(beside.is_err(), !toml.contains("main"), "{toml}");
    }
    // Nor does it matter for another file that its main module is not there.
    let (_temporary, root) = folder(&[("wrangler.toml", "main = 'gone.js'"), ("x.ts", "")]);
    let project = Project::open(&root.join("x.ts")).unwrap();
    assert!(project.warnings()[0].message.contains("does not count for"));
}

fn open_by(config: &Path, path: &Path) -> Result<Project, BundleError> {
    let options = OpenOptions { config: Some(config.to_owned()), environment: None };
    Project::open_with(path, &options)
}

#[test]
fn a_configuration_that_is_named_counts_whatever_else_there_is() {
    let (temporary, root) = folder(&[
        ("wrangler.toml", "name = 'usual'\nmain = 'src/index.ts'"),
        ("other.toml", "name = 'other'\nmain = 'src/other.ts'"),
        ("deploy/prod.jsonc", "{ \"name\": \"prod\", \"main\": \"../src/index.ts\" }"),
        (".wrangler/deploy/config.json", "{ \"configPath\": \"../../gone/wrangler.json\" }"),
        ("src/index.ts", ""),
        ("src/other.ts", ""),
        ("notes.txt", ""),
    ]);
    for (config, path, name, main) in [
        ("other.toml", ".", "other", "src/other.ts"),
        ("other.toml", "src/index.ts", "other", "src/index.ts"),
        ("wrangler.toml", ".", "usual", "src/index.ts"),
        ("deploy/prod.jsonc", "deploy", "prod", "src/index.ts"),
    ] {
        let project = open_by(&root.join(config), &root.join(path)).unwrap();
        assert_eq!(project.name(), name);
        assert!(project.main.ends_with(main), "{config} {path}: {:?}", project.main);
        let canonical = root.join(config).canonicalize().unwrap();
        assert_eq!(project.config_file.as_deref(), Some(&*canonical));
        assert!(project.warnings().is_empty(), "{:?}", project.warnings());
    }
    let error = |config: &str, path: &str| {
        let error = open_by(&root.join(config), &root.join(path)).unwrap_err().to_string();
        error.replace(root.to_str().unwrap(), "app")
    };
    let said = error("deploy/prod.jsonc", "src");
    assert!(said.ends_with("is in app/deploy, not in app/src"), "{said}");
    let said = error("notes.txt", ".");
    assert!(said.starts_with("app/notes.txt is not a project's configuration"), "{said}");
    assert!(error("gone.toml", ".").starts_with("cannot read app/gone.toml"));
    let said = Project::open(&root.join("other.toml")).unwrap_err().to_string();
    assert!(said.ends_with("; a configuration is named with --config"), "{said}");
    drop(temporary);
}

#[test]
fn a_project_is_outlined_before_its_main_module_is_made() {
    let (_temporary, root) = folder(&[
        (
            "wrangler.toml",
            "name = 'shop'\nmain = 'dist/index.js'\ndev.port = 9333\n[build]\n\
             command = 'make dist'\ncwd = 'tools'\nwatch_dir = ['src', 'lib']\n[env.live]\nname = 'live'",
        ),
        ("tools/Makefile", ""),
        ("src/a.ts", ""),
    ]);
    let canonical = root.canonicalize().unwrap();
    let outline = Outline::read(&root, &OpenOptions::default()).unwrap();
    assert_eq!((&*outline.name, outline.dev_server.port), ("shop", Some(9333)));
    assert_eq!(outline.config_file, Some(canonical.join("wrangler.toml")));
    let build = outline.custom_build.unwrap();
    assert_eq!((&*build.command, build.folder), ("make dist", canonical.join("tools")));
    assert_eq!(build.watched, ["src", "lib"].map(|name| canonical.join(name)));
    let path = root.join("wrangler.toml");
    assert_eq!(build.location, Location { path, line: 5, column: 11 });
    // It is inherited.
    let live = OpenOptions { environment: Some("live".to_owned()), config: None };
    let outline = Outline::read(&root, &live).unwrap();
    assert_eq!((&*outline.name, outline.custom_build.is_some()), ("live", true));
    let error = Project::open(&root).unwrap_err().to_string();
    let expected = "the main module \"dist/index.js\" does not exist, and the build command \"make \
                    dist\" (";
    assert!(error.contains(expected), "{error}");
    fs::create_dir(root.join("dist")).unwrap();
    fs::write(root.join("dist/index.js"), "").unwrap();
    assert_eq!(Project::open(&root).unwrap().custom_build().unwrap().command, "make dist");
}

#[test]
fn what_a_build_is_made_of_is_the_sources_or_the_project() {
    for (file, watched) in [("src/a.ts", "my_app/src"), ("a.ts", "my_app")] {
        let toml = ("isolane.toml", "build.command = 'x'");
        let (_temporary, root) = folder(&[toml, (file, "")]);
        let build = Outline::read(&root, &OpenOptions::default()).unwrap().custom_build.unwrap();
        assert!(build.watched.len() == 1 && build.watched[0].ends_with(watched), "{build:?}");
        assert!(build.folder.ends_with("my_app"), "{build:?}");
    }
    check_error(
        &[("isolane.toml", "[build]\ncommand = 'x'\ncwd = 'gone'"), ("index.js", "")],
        "app/isolane.toml:3:7: the folder that \"build.cwd\" names does not exist",
    );
}

#[cfg(unix)]
#[test]
fn a_linked_file_keeps_its_name_and_has_its_targets_neighbours() {
    let (temporary, root) =
        folder(&[("index.js", "import './b.js'"), ("b.js", "globalThis.b = 1")]);
    let link = temporary.path().join("linked.js");
    std::os::unix::fs::symlink(root.join("index.js"), &link).unwrap();
    let project = Project::open(&link).unwrap();
    assert_eq!(project.name(), "linked");
    let bundle = project.load().unwrap();
    assert_eq!(bundle.main, "index.js");
    assert!(bundle.modules[0].text().unwrap().contains("globalThis.b"));
}

#[cfg(unix)]
#[test]
fn a_main_module_that_is_a_link_out_of_the_folder_has_to_be_named() {
    let (temporary, root) = folder(&[("notes.txt", "")]);
    let target = temporary.path().join("elsewhere.ts");
    fs::write(&target, "").unwrap();
    std::os::unix::fs::symlink(&target, root.join("index.ts")).unwrap();
    let error = Project::open(&root).unwrap_err().to_string();
    let expected = format!("{}/index.ts leads out of the project's folder, to ", root.display());
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.ends_with("name it as \"main\" in the configuration"), "{error}");
    fs::write(root.join("wrangler.toml"), "main = 'index.ts'").unwrap();
    assert!(Project::open(&root).unwrap().main.ends_with("elsewhere.ts"));
}

#[test]
fn where_a_project_is_served_in_development_is_no_part_of_its_settings() {
    let (_temporary, root) = folder(&[("index.js", ""), ("wrangler.toml", "[dev]\nport = 9333")]);
    let project = Project::open(&root).unwrap();
    assert_eq!(project.dev_server().port, Some(9333));
    assert_eq!(project.settings(), &Settings::default());
    let file = Project::open(&root.join("index.js")).unwrap();
    assert_eq!(file.dev_server(), project.dev_server());
}

#[test]
fn the_configurations_name_wins_over_the_folders() {
    let (_temporary, root) = folder(&[("index.js", ""), ("isolane.toml", "name = 'shop'")]);
    let project = Project::open(&root).unwrap();
    assert_eq!(project.name(), "shop");
    assert_eq!(project.config_file, Some(project.root().join("isolane.toml")));
}

#[test]
fn an_environment_has_a_worker_of_its_own() {
    let toml = "name = 'shop'\nmain = 'a.js'\nvars = { A = 1 }\n\
                [env.staging]\nvars = { A = 2 }\n[env.live]\nname = 'shop-eu'\nmain = 'b.js'";
    let (_temporary, root) = folder(&[("a.js", ""), ("b.js", ""), ("wrangler.toml", toml)]);
    let open = |environment: Option<&str>| {
        let environment = environment.map(str::to_owned);
        let options = OpenOptions { environment, config: None };
        Project::open_with(&root, &options)
    };
    for (environment, name, main, var) in [
        (None, "shop", "a.js", Some(1)),
        (Some("staging"), "shop-staging", "a.js", Some(2)),
        (Some("live"), "shop-eu", "b.js", None),
    ] {
        let project = open(environment).unwrap();
        assert_eq!(project.name(), name);
        assert!(project.main.ends_with(main));
        let found = project.settings().vars.get("A").and_then(serde_json::Value::as_i64);
        assert_eq!(found, var, "{environment:?}");
        assert_eq!(project.warnings().len(), usize::from(var.is_none()), "{environment:?}");
    }
    let error = open(Some("test")).unwrap_err().to_string();
    assert!(
        error.ends_with("wrangler.toml has no environment \"test\"; it has live, staging")
            || error.ends_with("wrangler.toml has no environment \"test\"; it has staging, live"),
        "{error}"
    );
    let options = OpenOptions { environment: Some("test".to_owned()), config: None };
    let error = Project::open_with(&root.join("a.js"), &options).unwrap_err().to_string();
    assert!(error.contains("wrangler.toml has no environment \"test\"; it has "), "{error}");
    let (_temporary, root) = folder(&[("a.js", "")]);
    let error = Project::open_with(&root.join("a.js"), &options).unwrap_err().to_string();
    assert!(error.ends_with("a.js has no environment \"test\", nor any other"), "{error}");
}

#[test]
fn a_tsconfig_that_the_configuration_names_has_to_be_there() {
    check_error(
        &[("index.ts", ""), ("wrangler.toml", "tsconfig = 'ts/web.json'")],
        "app/wrangler.toml:1:12: the file that \"tsconfig\" names does not exist",
    );
}
