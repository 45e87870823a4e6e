//! Says what to do when the web pages, which become part of the program, have not been built.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=web/dist");
    if !Path::new("web/dist/index.html").exists() {
        println!("cargo::error=the web pages are not built: run `make web` first (it needs Node.js and npm)");
    }
}
