//! What can be wrong with a project, said so that a person can mend it. How it is printed in
//! colours is the command line's.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::text;

/// Why a project could not be opened or loaded. Everything but [`BundleError::Io`] and
/// [`BundleError::Scratch`] is for the project's author to mend.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The configuration is not well formed, or a value in it is not what it has to be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A module cannot be read as what it is, or one of its imports cannot be resolved.
    #[error(transparent)]
    Source(#[from] Box<SourceError>),
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// What the bundler is to be given in the place of a file cannot be written.
    #[error("cannot write a corrected copy of {} into {}: {source}", file.display(), folder.display())]
    Scratch {
        /// The file.
        file: PathBuf,
        /// The folder for copies: [`crate::LoadOptions::scratch`], or the system's.
        folder: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The path is a file that is not a module, or neither a file nor a folder.
    #[error(
        "{} is not a project: expected a folder, or a file that ends in \
         .js, .mjs, .ts, .mts, .jsx or .tsx{}",
        path.display(),
        if is_config(path) { "; a configuration is named with --config" } else { "" }
    )]
    NotAProject {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The path that is to be a configuration is none.
    #[error(
        "{} is not a project's configuration: expected a file that ends in .toml, .json or .jsonc",
        path.display()
    )]
    NotAConfiguration {
        /// The path as it was given.
        path: PathBuf,
    },
    /// The command that makes the project's modules has failed.
    #[error("{location}: the build command \"{command}\" {reason}")]
    CustomBuild {
        /// Where the configuration names it.
        location: Location,
        /// The command.
        command: String,
        /// What became of it, as in `failed with exit code 1`.
        reason: String,
    },
    /// The folder has no main module, neither by configuration nor by name.
    #[error(
        "no main module in {}: set \"main\" in its configuration, or add one of {}, with one of the \
         extensions {}",
        folder.display(),
        stems.join(", "),
        extensions.join(", ")
    )]
    NoMain {
        /// The project's folder.
        folder: PathBuf,
        /// The names that were looked for, without their extensions; the first wins.
        stems: &'static [&'static str],
        /// The extensions of these names; of one name the first wins.
        extensions: &'static [&'static str],
    },
    /// The main module that was found by its name is a link out of the project's folder.
    #[error(
        "{} leads out of the project's folder, to {}: if that is the main module, name it as \"main\" \
         in the configuration",
        path.display(),
        target.display()
    )]
    LinkedMain {
        /// The link.
        path: PathBuf,
        /// The file that it leads to.
        target: PathBuf,
    },
    /// The configuration has no such environment.
    #[error("{} has no environment \"{name}\"{}", project.display(), environments(known))]
    NoEnvironment {
        /// The environment that was asked for.
        name: String,
        /// The configuration, or the project that has none.
        project: PathBuf,
        /// The environments that there are, as in the configuration.
        known: Vec<String>,
    },
    /// The modules are larger together than a bundle may be.
    #[error(
        "the modules are larger than {limit_bytes} bytes together; the biggest are {}",
        FileSize::list(biggest)
    )]
    TooBig {
        /// The limit, in bytes ([`crate::MAX_BUNDLE_BYTES`]).
        limit_bytes: u64,
        /// The biggest files of those seen until the limit was passed, the biggest first.
        biggest: Vec<FileSize>,
    },
    /// The modules cannot be bundled, and no place in them is to blame.
    #[error("the modules cannot be bundled: {message}")]
    Bundler {
        /// What the bundler says.
        message: String,
    },
}

impl BundleError {
    /// The place in a file that the error is about, where there is one.
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Config(error) => Some(&error.location),
            Self::Source(error) => Some(&error.location),
            Self::CustomBuild { location, .. } => Some(location),
            Self::Io { .. }
            | Self::Scratch { .. }
            | Self::NotAProject { .. }
            | Self::NotAConfiguration { .. }
            | Self::NoMain { .. }
            | Self::LinkedMain { .. }
            | Self::NoEnvironment { .. }
            | Self::TooBig { .. }
            | Self::Bundler { .. } => None,
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

fn is_config(path: &Path) -> bool {
    let extension = path.extension().and_then(std::ffi::OsStr::to_str);
    matches!(extension, Some("toml" | "json" | "jsonc"))
}

fn environments(known: &[String]) -> String {
    match known {
        [] => ", nor any other".to_owned(),
        known => format!("; it has {}", known.join(", ")),
    }
}

/// Why a project could not be loaded, and what may mend it.
#[derive(Debug, Error)]
#[error("{error}")]
pub struct LoadError {
    /// Why.
    pub error: BundleError,
    /// What was read until then, and what was looked for in vain.
    pub read: Box<Dependencies>,
}

/// What a project is made of, all of it absolute: a change can make it another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// Files, also such as are not there, and folders in whose place one is asked for.
    pub inputs: Vec<PathBuf>,
    /// Folders whose files were looked through, at any depth.
    pub folders: Vec<PathBuf>,
}

impl From<BundleError> for LoadError {
    fn from(error: BundleError) -> Self {
        Self { error, read: Box::default() }
    }
}

impl From<LoadError> for BundleError {
    fn from(error: LoadError) -> Self {
        error.error
    }
}

/// A fault in a configuration file. Displayed like a compiler does:
/// `app/wrangler.toml:7:10: expected a string for "main", found an integer`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{location}: {message}")]
pub struct ConfigError {
    /// Where.
    pub location: Location,
    /// What was expected and what was found.
    pub message: String,
}

/// A fault in a module. Displayed as its place and message, the next step, and the lines around
/// the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// Where.
    pub location: Location,
    /// What kind of fault.
    pub fault: SourceFault,
    /// What is wrong.
    pub message: String,
    /// The next step, where one is known.
    pub help: Option<String>,
    /// The lines around the place with a caret under it; empty for a file that is not text.
    pub frame: String,
}

impl SourceError {
    /// The fault at a byte offset of a file's text.
    pub(crate) fn at(path: &Path, source: &str, offset: usize, problem: Problem) -> Box<Self> {
        let (line, column) = text::line_column(source, offset);
        let frame = text::code_frame(source, line, column);
        let location = Location { path: path.to_owned(), line, column };
        let Problem { fault, message, help } = problem;
        Box::new(Self { location, fault, message, help, frame })
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)?;
        if !self.frame.is_empty() {
            write!(f, "\n{}", self.frame)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SourceError {}

/// The kinds of [`SourceError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceFault {
    /// The text is not what its file's kind says.
    Syntax,
    /// An import that leads nowhere, or to where it may not.
    Import,
}

/// A fault before it is known where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) fault: SourceFault,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Problem {
    pub(crate) fn syntax(message: impl Into<String>) -> Self {
        Self { fault: SourceFault::Syntax, message: message.into(), help: None }
    }

    pub(crate) fn import(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { fault: SourceFault::Import, message: message.into(), help: Some(help.into()) }
    }
}

/// A place in a file of the project, displayed as `path:line:column`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The file, below the path that the project was opened with.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// Something in a project that has no effect, or another one than its author may think.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where, when it is about one place.
    pub location: Option<Location>,
    /// What, naming the key or the file.
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{location}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// A file and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSize {
    /// The file, below the path that the project was opened with.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

impl FileSize {
    fn list(files: &[Self]) -> String {
        let files: Vec<String> = files
            .iter()
            .map(|file| format!("{} ({} bytes)", file.path.display(), file.bytes))
            .collect();
        files.join(", ")
    }
}
