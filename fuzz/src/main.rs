//! libFuzzer's program: `ANTEROOM_FUZZ=reader target/fuzz/.../anteroom-fuzz [libFuzzer's options] [corpus or file]`.
//! It has a `main` only in ordinary builds, in which it cannot fuzz.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod fuzzed {
    use std::sync::LazyLock;

    use anteroom_fuzz::Target;

    static TARGET: LazyLock<Target> = LazyLock::new(|| {
        let name = std::env::var("ANTEROOM_FUZZ").unwrap_or_default();
        Target::named(&name).unwrap_or_else(|| panic!("ANTEROOM_FUZZ names no target: {name:?}"))
    });

    libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET.check(bytes));
}

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("anteroom-fuzz: built without libFuzzer; `make fuzz` builds it");
    std::process::exit(2);
}
