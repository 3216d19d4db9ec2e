//! What the build of a framework has made of a project.

use super::*;

#[test]
fn what_a_build_has_made_is_the_project() {
    let redirect = "{ \"configPath\": \"../../dist/server/wrangler.json\" }";
    let built = "{ \"name\": \"site\", \"main\": \"entry.mjs\", \"no_bundle\": true,\n\
        \"configPath\": \"x\", \"definedEnvironments\": [], \"topLevelName\": \"site\",\n\
        \"durable_objects\": { \"bindings\": [] }, \"logfwdr\": { \"bindings\": [] },\n\
        \"python_modules\": { \"exclude\": [\"**/*.pyc\"] }, \"queues\": { \"consumers\": [] },\n\
        \"migrations\": [], \"triggers\": {}, \"cloudchamber\": {}, \"ai\": null }";
    let (_temporary, root) = folder(&[
        ("wrangler.jsonc", "{ \"name\": \"source\" }"),
        (".wrangler/deploy/config.json", redirect),
        (".dev.vars", "SECRET=s"),
        ("dist/server/wrangler.json", built),
        ("dist/server/entry.mjs", ""),
    ]);
    let project = Project::open(&root).unwrap();
    assert_eq!(project.name(), "site");
    assert!(project.main.ends_with("dist/server/entry.mjs"));
    assert!(project.warnings().is_empty(), "{:?}", project.warnings());
    let (file, vars) = project.dev_vars().unwrap().unwrap();
    assert_eq!((file.file_name().unwrap(), &*vars["SECRET"]), (".dev.vars".as_ref(), "s"));

    fs::remove_dir_all(root.join("dist")).unwrap();
    let error = Project::open(&root).unwrap_err().to_string();
    assert!(error.contains(".wrangler/deploy/config.json:1:1: ../../dist/server/wrangler.json is not there: run the build"), "{error}");
}

#[test]
fn what_may_mend_a_project_that_cannot_be_opened_is_told() {
    let awaited = |files: &[(&str, &str)]| {
        let (_temporary, root) = folder(files);
        let error = Project::open_watched(&root, &OpenOptions::default()).unwrap_err();
        let root = root.canonicalize().unwrap();
        let below = |path: &PathBuf| {
            let parent = root.parent().unwrap();
            path.strip_prefix(parent).unwrap().to_str().unwrap().to_owned()
        };
        let name = root.file_name().unwrap().to_str().unwrap().to_owned();
        let inputs: Vec<_> = error.read.inputs.iter().map(below).collect();
        (name, inputs)
    };
    // A build that is not there; a main module; a tsconfig.
    let redirect = "{ \"configPath\": \"../../../made/wrangler.json\" }";
    let (name, inputs) = awaited(&[(".wrangler/deploy/config.json", redirect)]);
    assert!(inputs.contains(&format!("{name}/.wrangler/deploy/config.json")), "{inputs:?}");
    assert!(inputs.contains(&"made/wrangler.json".to_owned()), "{inputs:?}");
    let (name, inputs) = awaited(&[("wrangler.toml", "main = '../other/a.ts'")]);
    assert!(inputs.contains(&format!("{name}/wrangler.toml")), "{inputs:?}");
    assert!(inputs.contains(&"other/a.ts".to_owned()), "{inputs:?}");
    let configuration = "main = 'a.ts'\ntsconfig = '../tsconfig.json'";
    let (_, inputs) = awaited(&[("wrangler.toml", configuration), ("a.ts", "")]);
    assert!(inputs.contains(&"tsconfig.json".to_owned()), "{inputs:?}");
    let (name, inputs) = awaited(&[("other.js", "")]);
    assert!(inputs.contains(&format!("{name}/src/index.tsx")), "{inputs:?}");
}

#[test]
fn what_is_named_by_an_absolute_path_may_come_there() {
    let (_elsewhere, elsewhere) = folder(&[]);
    let elsewhere = elsewhere.canonicalize().unwrap();
    let awaited = |configuration: &str| {
        let (_temporary, root) = folder(&[("wrangler.toml", configuration), ("index.js", "")]);
        Project::open_watched(&root, &OpenOptions::default()).unwrap_err().read.inputs
    };
    for key in ["main", "tsconfig"] {
        let named = elsewhere.join("new/deep/it.ts");
        let inputs = awaited(&format!("{key} = '{}'", named.display()));
        assert!(inputs.contains(&named), "{key}: {inputs:?}");
    }
}

#[test]
fn a_build_of_an_environment_is_that_environments() {
    let (_temporary, root) = folder(&[
        (".wrangler/deploy/config.json", "{ \"configPath\": \"../../dist/wrangler.json\" }"),
        (
            "dist/wrangler.json",
            "{ \"name\": \"site-live\", \"main\": \"a.js\", \"targetEnvironment\": \"live\",\n\
             \"definedEnvironments\": [\"live\", \"test\"] }",
        ),
        ("dist/a.js", ""),
        (".dev.vars", "A=none"),
        (".dev.vars.live", "A=live"),
    ]);
    let open = |environment: Option<&str>| {
        let environment = environment.map(str::to_owned);
        Project::open_with(&root, &OpenOptions { environment, config: None })
    };
    assert_eq!(open(None).unwrap().name(), "site-live");
    let live = open(Some("live")).unwrap();
    assert_eq!(live.name(), "site-live");
    assert_eq!(live.dev_vars().unwrap().unwrap().1["A"], "live");
    let error = open(Some("test")).unwrap_err().to_string();
    assert!(error.contains("built for the environment \"live\", not for \"test\""), "{error}");
}

#[test]
fn a_file_of_a_build_that_cannot_be_read_is_an_error_and_no_sign_that_there_was_none() {
    let (_temporary, root) = folder(&[(".wrangler/deploy/config.json", ""), ("index.js", "")]);
    fs::write(root.join(".wrangler/deploy/config.json"), b"\xff").unwrap();
    let error = Project::open(&root).unwrap_err().to_string();
    let expected = format!("cannot read {}/.wrangler/deploy/config.json: ", root.display());
    assert!(error.starts_with(&expected), "{error}");
}
