//! Sets the SONAME and, with the feature `header`, generates `include/spantls.h`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    // Cargo sets no SONAME; the number is the ABI's, not the package's.
    match os.as_str() {
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libspantls.so.1");
        }
        "macos" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libspantls.1.dylib");
        }
        _ => {}
    }
    // AWS-LC leaves a destructor with every thread that has called it: the code must stay as long as the threads.
    if std::env::var_os("CARGO_FEATURE_AWS_LC_RS").is_some() && os != "macos" {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    #[cfg(feature = "header")]
    header::generate();
}

#[cfg(feature = "header")]
mod header {
    use std::path::PathBuf;

    /// cbindgen drops what it cannot express and only warns: a warning is an error here.
    struct Refuse;

    impl log::Log for Refuse {
        fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
            metadata.level() <= log::Level::Warn
        }

        fn log(&self, record: &log::Record<'_>) {
            if self.enabled(record.metadata()) {
                panic!("cbindgen: {}", record.args());
            }
        }

        fn flush(&self) {}
    }

    pub(crate) fn generate() {
        log::set_logger(&Refuse).expect("no other logger");
        log::set_max_level(log::LevelFilter::Warn);
        println!("cargo:rerun-if-changed=src/ffi");
        println!("cargo:rerun-if-changed=cbindgen.toml");
        println!("cargo:rerun-if-env-changed=SPANTLS_HEADER_OUT");
        let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
        let out = std::env::var("SPANTLS_HEADER_OUT").map_or_else(|_| root.join("include/spantls.h"), PathBuf::from);
        let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
        cbindgen::Builder::new()
            .with_config(config)
            .with_src(root.join("src/ffi/status.rs"))
            .with_src(root.join("src/ffi/numbers.rs"))
            .with_src(root.join("src/ffi/handles.rs"))
            .with_src(root.join("src/ffi/library.rs"))
            .with_src(root.join("src/ffi/credentials.rs"))
            .with_src(root.join("src/ffi/options.rs"))
            .with_src(root.join("src/ffi/context.rs"))
            .with_src(root.join("src/ffi/session.rs"))
            .with_src(root.join("src/ffi/socket.rs"))
            .with_src(root.join("src/ffi/verdict.rs"))
            .with_src(root.join("src/ffi/answers.rs"))
            .with_src(root.join("src/ffi/facts.rs"))
            .with_src(root.join("src/ffi/client_hello.rs"))
            .generate()
            .expect("the header can be generated")
            .write_to_file(out);
    }
}
