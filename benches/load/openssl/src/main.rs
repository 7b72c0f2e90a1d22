//! `build-openssl DIRECTORY`: builds the OpenSSL of the feature as static libraries and installs it below the directory.

use std::{env, process::ExitCode};

#[cfg(feature = "3.5")]
use openssl_3_5 as openssl_src;
#[cfg(feature = "4.0")]
use openssl_4_0 as openssl_src;

fn main() -> ExitCode {
    let (Some(directory), None) = (env::args().nth(1), env::args().nth(2)) else {
        eprintln!("usage: build-openssl DIRECTORY");
        return ExitCode::from(2);
    };
    let machine = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    // What cargo would tell a build script; without it the C code is not optimised.
    env::set_var("OPT_LEVEL", "3");
    env::set_var("DEBUG", "false");
    let artifacts = openssl_src::Build::new().out_dir(directory).target(&machine).host(&machine).build();
    println!("{}", artifacts.lib_dir().display());
    ExitCode::SUCCESS
}
