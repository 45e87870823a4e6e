use std::{collections::BTreeSet, fs, path::PathBuf};

use super::Target;

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

#[test]
fn every_target_holds_for_its_corpus() {
    for target in Target::ALL {
        let files: Vec<_> =
            fs::read_dir(corpus(target.name)).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        for file in files {
            println!("{}", file.display());
            target.check(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn every_corpus_has_a_target() {
    let corpora =
        fs::read_dir(corpus("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(corpora.collect::<BTreeSet<_>>(), Target::ALL.map(|target| target.name.to_owned()).into());
}
