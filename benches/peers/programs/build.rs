//! Compiles the measured work and, for a library with a C interface, the file that joins the two. `PEER_INCLUDE` has the
//! folders of that library's headers: ../build.py finds them.

use std::env;

/// What `../*.c` joins each library to the work; a library of Rust has its own module here.
const IN_C: [(&str, &str); 4] =
    [("BORINGSSL", "openssl.c"), ("AWS_LC_LIBSSL", "openssl.c"), ("S2N_TLS", "s2n.c"), ("RUSTLS_FFI", "rustls_ffi.c")];

fn main() {
    let mut build = cc::Build::new();
    build.std("gnu11").opt_level(2).debug(true).warnings(true).extra_warnings(true).include("..").file("../work.c");
    for (feature, file) in IN_C {
        if env::var_os(format!("CARGO_FEATURE_{feature}")).is_some() {
            build.file(format!("../{file}"));
            println!("cargo:rerun-if-changed=../{file}");
        }
    }
    for folder in env::var("PEER_INCLUDE").unwrap_or_default().split(':').filter(|folder| !folder.is_empty()) {
        build.include(folder);
    }
    build.compile("work");
    println!("cargo:rerun-if-env-changed=PEER_INCLUDE");
    println!("cargo:rerun-if-changed=../work.c");
    println!("cargo:rerun-if-changed=../peer.h");
    if env::var_os("CARGO_FEATURE_BORINGSSL").is_some() {
        println!("cargo:rustc-link-lib=stdc++");
    }
    // The program asks what was loaded with it.
    println!("cargo:rustc-link-arg-bins=-rdynamic");
}
