//! A bundle as files that can be looked at.

use std::fs;
use std::io;
use std::path::{Component, Path};

use bundle::Bundle;

/// Writes each module below a folder, and its source map beside it.
pub(super) fn write(bundle: &Bundle, folder: &Path) -> io::Result<()> {
    for module in &bundle.modules {
        let below = Path::new(&module.specifier);
        if !below.components().all(|component| matches!(component, Component::Normal(_))) {
            let message = format!("the module {:?} has no place below it", module.specifier);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let path = folder.join(below);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, &module.source)?;
        if let Some(map) = &module.source_map {
            let mut name = path.into_os_string();
            name.push(".map");
            fs::write(name, map.as_bytes())?;
        }
    }
    Ok(())
}
