//! Compiles the C between libvpx and us, and links Debian's static libvpx (package `libvpx-dev`).

use std::{error::Error, path::Path};

const SOURCES: [&str; 2] = ["native/vp8_encode.c", "native/vp8_decode.c"];

fn main() -> Result<(), Box<dyn Error>> {
    // What is fuzzed has no stream.
    if std::env::var_os("CARGO_CFG_FUZZING").is_some() {
        return Ok(());
    }
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    println!("cargo:rerun-if-changed=native/vp8.h");
    let mut build = cc::Build::new();
    build.files(SOURCES).warnings(true).extra_warnings(true).flag("-ffunction-sections");
    build.compile("anteroom_vp8");

    // The compiler knows where the distribution keeps the library; when it does not, it answers with the bare name.
    let answer = build.get_compiler().to_command().arg("-print-file-name=libvpx.a").output()?;
    let archive = String::from_utf8(answer.stdout)?;
    let Some(place) = Path::new(archive.trim()).parent().filter(|place| place.is_absolute()) else {
        return Err("there is no static libvpx: install the package libvpx-dev (./setup.sh build)".into());
    };
    println!("cargo:rustc-link-search=native={}", place.display());
    println!("cargo:rustc-link-lib=static:-bundle=vpx");
    println!("cargo:rustc-link-lib=m");
    Ok(())
}
