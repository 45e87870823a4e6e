//! Writing credential files where a CLI expects them. Whole at every moment: a CLI that reads sees the old file or the new one.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use anteroom_protocol::{Secret, agent::CapturedFile, provider::CredentialRule};
use serde_json::{Map, Value};

#[derive(Debug, thiserror::Error)]
pub(super) enum NotPut {
    #[error("~/{0} cannot be written")]
    Write(String, #[source] io::Error),
    #[error("{0:?} is none of the provider's files")]
    Unknown(String),
}

/// Puts each in its place; whether any is otherwise than it was.
///
/// # Errors
/// With the first that cannot be written.
pub(super) fn files(home: &Path, rules: &[CredentialRule], files: &[CapturedFile]) -> Result<bool, NotPut> {
    let mut changed = false;
    for file in files {
        let rule = rules.iter().find(|rule| rule.path == file.path);
        let rule = rule.ok_or_else(|| NotPut::Unknown(file.path.chars().take(256).collect()))?;
        let failed = |error| NotPut::Write(file.path.clone(), error);
        let place = home.join(&rule.path);
        let wanted = whole(rule, file, &place).map_err(failed)?;
        if present(&place, &wanted, file.mode) {
            continue;
        }
        let modified = UNIX_EPOCH + Duration::from_millis(file.modified_unix_ms);
        replace(&place, wanted.expose(), file.mode, Some(modified)).map_err(failed)?;
        changed = true;
    }
    Ok(changed)
}

/// What is not there yet.
///
/// # Errors
/// With the first that cannot be written.
pub(super) fn seeds(home: &Path, seeds: &BTreeMap<String, String>) -> Result<bool, NotPut> {
    let mut changed = false;
    for (path, contents) in seeds {
        let place = home.join(path);
        if fs::symlink_metadata(&place).is_err() {
            let written = replace(&place, contents.as_bytes(), 0o600, None);
            written.map_err(|error| NotPut::Write(path.clone(), error))?;
            changed = true;
        }
    }
    Ok(changed)
}

/// Removes what the rules name; of a file of which only some keys are kept, those.
///
/// # Errors
/// With the first that cannot be removed.
pub(super) fn remove(home: &Path, rules: &[CredentialRule]) -> Result<bool, NotPut> {
    let mut changed = false;
    for rule in rules {
        let place = home.join(&rule.path);
        let removed = match others(rule, &place) {
            Some(rest) => replace(&place, &text(rest), 0o600, None),
            None => fs::remove_file(&place),
        };
        match removed {
            Ok(()) => changed = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(NotPut::Write(rule.path.clone(), error)),
        }
    }
    Ok(changed)
}

/// The whole file: where only some keys were kept, they join what is there.
fn whole(rule: &CredentialRule, file: &CapturedFile, place: &Path) -> io::Result<Secret> {
    if rule.keys.is_empty() {
        return Ok(file.contents.clone());
    }
    let kept: Map<String, Value> = serde_json::from_slice(file.contents.expose())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no JSON object"))?;
    let mut object = object_at(place).unwrap_or_default();
    object.extend(kept);
    Ok(Secret::new(text(object)))
}

/// What is left of a file without the keys that a rule keeps.
fn others(rule: &CredentialRule, place: &Path) -> Option<Map<String, Value>> {
    if rule.keys.is_empty() {
        return None;
    }
    let mut object = object_at(place)?;
    object.retain(|key, _| !rule.keys.contains(key));
    Some(object)
}

fn object_at(place: &Path) -> Option<Map<String, Value>> {
    let bytes = super::capture::read(place).ok()?.0;
    serde_json::from_slice(bytes.expose()).ok()
}

fn text(object: Map<String, Value>) -> Vec<u8> {
    Value::Object(object).to_string().into_bytes()
}

fn present(place: &Path, wanted: &Secret, mode: u32) -> bool {
    super::capture::read(place).is_ok_and(|(contents, metadata)| {
        contents.expose() == wanted.expose() && metadata.permissions().mode() & 0o777 == mode & 0o777
    })
}

/// A new file, then rename(2).
fn replace(
    place: &Path,
    contents: &[u8],
    mode: u32,
    modified: Option<std::time::SystemTime>,
) -> io::Result<()> {
    let directory = place.parent().unwrap_or(place);
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let (temporary, mut file) = temporary(directory)?;
    let written = file
        .write_all(contents)
        .and_then(|()| file.set_permissions(Permissions::from_mode(mode & 0o777)))
        .and_then(|()| modified.map_or(Ok(()), |moment| file.set_modified(moment)))
        .and_then(|()| fs::rename(&temporary, place));
    if written.is_err() {
        // The first error is the one that counts.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn temporary(directory: &Path) -> io::Result<(PathBuf, File)> {
    let path = directory.join(format!(".anteroom-{}", uuid::Uuid::new_v4().simple()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    Ok((path, file))
}
