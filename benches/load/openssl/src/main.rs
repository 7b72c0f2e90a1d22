//! `build-openssl DIRECTORY`: builds OpenSSL as static libraries and installs it below the directory.

use std::{env, process::ExitCode};

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
