//! What documents promise, where only the source can show that they are kept.

use std::{fs, path::Path};

/// Every file of Rust beneath it, as one text.
fn sources(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "target" && name != "node_modules" {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_threat_model_names_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut source = String::new();
    for member in ["host-supervisor", "guest-agent", "guest-image", "protocol", "sealed-stream", "tests"] {
        sources(&root.join(member), &mut source);
    }
    let model = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let quoted = model.split('`').skip(1).step_by(2);
    let named: Vec<&str> = quoted.filter(|word| word.matches('_').count() > 2).collect();
    assert!(named.len() > 40, "{}", named.len());
    for name in named {
        assert!(source.contains(&format!("fn {name}(")), "SECURITY.md names {name}, which is no test");
    }
}
