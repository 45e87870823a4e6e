use super::super::{EMBEDDED, Origin, Providers};
use super::*;

const DEMO: &str = EMBEDDED[3].1;

/// An operator's directory.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn catalogue(&self) -> Providers {
        Providers::load(self.0.path()).unwrap()
    }

    /// Writes the demo's definition with another id and name.
    fn define(&self, file: &str, id: &str, name: &str) {
        let text = DEMO.replace("id = \"demo\"", &format!("id = \"{id}\""));
        fs::write(self.path(file), text.replace("\"Demo\"", &format!("\"{name}\""))).unwrap();
    }
}

fn name(providers: &Providers, id: &str) -> Option<String> {
    providers.find(id).map(|definition| definition.name.clone())
}

fn problems(providers: &Providers) -> Vec<(String, String)> {
    let file = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let (_, broken) = providers.all();
    broken.into_iter().map(|broken| (file(&broken.path), broken.problem.to_string())).collect()
}

#[test]
fn a_file_adds_a_provider_or_replaces_one_without_a_restart() {
    let place = Place::new();
    let providers = place.catalogue();
    let before = providers.offered().len();
    place.define("other.toml", "other", "Other");
    place.define("mine.toml", "codex", "My Codex");
    fs::write(place.path("notes.txt"), "no definition").unwrap();
    fs::write(place.path(".#other.toml"), "an editor's").unwrap();
    assert_eq!(providers.offered().len(), before + 1);
    assert_eq!(name(&providers, "codex").as_deref(), Some("My Codex"));
    let (known, _) = providers.all();
    let codex = known.into_iter().find(|known| known.definition.id == "codex").unwrap();
    assert_eq!(codex.origin, Origin::File(place.path("mine.toml")));
    assert_eq!(problems(&providers), []);
}

#[test]
fn a_file_that_is_removed_takes_its_definition_along() {
    let place = Place::new();
    place.define("other.toml", "other", "Other");
    place.define("mine.toml", "codex", "My Codex");
    let providers = place.catalogue();
    fs::remove_file(place.path("other.toml")).unwrap();
    fs::remove_file(place.path("mine.toml")).unwrap();
    assert_eq!(name(&providers, "other"), None);
    assert_eq!(name(&providers, "codex").as_deref(), Some("Codex"), "the one that it had replaced is back");
}

#[test]
fn whoever_has_a_definition_keeps_it() {
    let place = Place::new();
    place.define("other.toml", "other", "Before");
    let providers = place.catalogue();
    let held = providers.find("other").unwrap();
    place.define("other.toml", "other", "After it");
    assert_eq!(name(&providers, "other").as_deref(), Some("After it"));
    assert_eq!(held.name, "Before");
}

#[test]
fn a_broken_file_keeps_its_last_good_definition_until_it_is_right_again() {
    let place = Place::new();
    place.define("other.toml", "other", "Before");
    let providers = place.catalogue();
    fs::write(place.path("other.toml"), "id = \"other\"\nname = ").unwrap();
    assert_eq!(name(&providers, "other").as_deref(), Some("Before"));
    let [(file, problem)] = &problems(&providers)[..] else { panic!("not one") };
    assert!(file == "other.toml" && problem.starts_with("line 2, column 8: "), "{file}: {problem}");
    place.define("other.toml", "other", "Right again");
    assert_eq!(name(&providers, "other").as_deref(), Some("Right again"));
    assert_eq!(problems(&providers), []);
}

#[test]
fn a_file_that_was_never_right_takes_nothing_away() {
    let place = Place::new();
    fs::write(place.path("codex.toml"), "id = \"codex\"").unwrap();
    fs::write(place.path("binary.toml"), b"\xff\xfe").unwrap();
    fs::write(place.path("large.toml"), "ä".repeat(MAX_FILE_BYTES)).unwrap();
    let providers = place.catalogue();
    assert_eq!(name(&providers, "codex").as_deref(), Some("Codex"));
    let [binary, codex, large] = &problems(&providers)[..] else { panic!("not three") };
    assert_eq!(binary.1, "it is not UTF-8 text");
    assert!(codex.1.contains("missing field `name`"), "{codex:?}");
    assert_eq!(large.1, "the definition has more than 65536 bytes");
}

#[test]
fn of_two_files_with_one_id_the_first_by_name_counts() {
    let place = Place::new();
    place.define("b.toml", "other", "Second");
    let providers = place.catalogue();
    assert_eq!(name(&providers, "other").as_deref(), Some("Second"));
    place.define("a.toml", "other", "First");
    assert_eq!(name(&providers, "other").as_deref(), Some("First"));
    let [(file, problem)] = &problems(&providers)[..] else { panic!("not one") };
    assert!(file == "b.toml" && problem.contains("a.toml does as well"), "{file}: {problem}");
    fs::remove_file(place.path("a.toml")).unwrap();
    assert_eq!(name(&providers, "other").as_deref(), Some("Second"));
    assert_eq!(problems(&providers), []);
}

#[test]
fn a_second_file_that_breaks_does_not_push_the_first_aside() {
    let place = Place::new();
    place.define("b.toml", "other", "Second");
    let providers = place.catalogue();
    fs::write(place.path("b.toml"), "broken").unwrap();
    place.define("a.toml", "other", "First");
    assert_eq!(name(&providers, "other").as_deref(), Some("First"));
}

/// What is known of a file after a change that its stamp does not show.
fn after_a_hidden_change(fresh: bool) -> String {
    let place = Place::new();
    place.define("other.toml", "other", "One");
    let mut directory = Directory::new(place.0.path());
    directory.look();
    place.define("other.toml", "other", "Two");
    let now = Stamp::of(&fs::metadata(place.path("other.toml")).unwrap());
    let file = directory.files.get_mut(&place.path("other.toml")).unwrap();
    (file.stamp, file.fresh) = (now, fresh);
    directory.look();
    directory.files[&place.path("other.toml")].good.as_ref().unwrap().name.clone()
}

#[test]
fn a_file_is_read_again_only_when_its_stamp_or_its_freshness_asks_for_it() {
    assert_eq!(after_a_hidden_change(true), "Two");
    assert_eq!(after_a_hidden_change(false), "One");
}

#[test]
fn what_has_changed_just_now_or_in_the_future_is_fresh() {
    let stamp = |changed: SystemTime| {
        let since = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let changed = (i64::try_from(since.as_secs()).unwrap(), i64::from(since.subsec_nanos()));
        Stamp { size_bytes: 0, modified: (0, 0), changed, inode: (0, 0) }
    };
    let (now, minute) = (SystemTime::now(), Duration::from_secs(60));
    assert!(stamp(now).is_fresh() && stamp(now + minute).is_fresh());
    assert!(!stamp(now - minute).is_fresh());
}

#[test]
fn whoever_asks_twice_gets_the_very_same_definition() {
    let place = Place::new();
    place.define("other.toml", "other", "Other");
    let providers = place.catalogue();
    let (first, second) = (providers.find("other").unwrap(), providers.find("other").unwrap());
    assert!(Arc::ptr_eq(&first, &second));
}

#[test]
fn what_is_no_file_does_not_make_anybody_wait() {
    let place = Place::new();
    nix::unistd::mkfifo(&place.path("pipe.toml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(place.path("directory.toml")).unwrap();
    let providers = place.catalogue();
    assert_eq!(problems(&providers), []);
}

#[test]
fn a_directory_that_cannot_be_listed_changes_nothing() {
    let place = Place::new();
    let path = place.path("providers");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("other.toml"), DEMO.replace("id = \"demo\"", "id = \"other\"")).unwrap();
    let providers = Providers::load(&path).unwrap();
    fs::rename(&path, place.path("aside")).unwrap();
    // No directory of that name any more, but something else: listing it fails for root as well.
    fs::write(&path, "").unwrap();
    assert_eq!(name(&providers, "other").as_deref(), Some("Demo"));
    fs::remove_file(&path).unwrap();
    assert_eq!(name(&providers, "other"), None, "a directory that is gone is an empty one");
}
