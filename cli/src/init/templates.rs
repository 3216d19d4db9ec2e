//! The projects to begin with, file by file.

use clap::ValueEnum;

/// A project to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Template {
    /// One file of JavaScript.
    Hello,
    /// TypeScript with the types of what a worker sees.
    Typescript,
    /// The Hono framework, from npm.
    Hono,
    /// A counter in KV, in TypeScript.
    Kv,
}

/// A path below the folder, and the text of the file.
type File = (&'static str, &'static str);

macro_rules! file {
    ($template:literal, $path:literal) => {
        ($path, include_str!(concat!("templates/", $template, "/", $path)))
    };
}

const HELLO: &[File] = &[file!("hello", "isolane.toml"), file!("hello", "index.js")];

const TYPESCRIPT: &[File] = &[
    file!("typescript", "isolane.toml"),
    file!("typescript", "tsconfig.json"),
    file!("typescript", "env.d.ts"),
    file!("typescript", "src/index.ts"),
];

const HONO: &[File] = &[
    file!("hono", "isolane.toml"),
    file!("hono", "package.json"),
    file!("hono", "tsconfig.json"),
    file!("hono", "env.d.ts"),
    file!("hono", "src/index.ts"),
];

const KV: &[File] = &[
    file!("kv", "isolane.toml"),
    file!("kv", "tsconfig.json"),
    file!("kv", "env.d.ts"),
    file!("kv", "src/index.ts"),
];

impl Template {
    /// Its files.
    pub(super) fn files(self) -> &'static [File] {
        match self {
            Self::Hello => HELLO,
            Self::Typescript => TYPESCRIPT,
            Self::Hono => HONO,
            Self::Kv => KV,
        }
    }
}
