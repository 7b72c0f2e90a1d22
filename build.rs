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

    /// The package's version, for `#if`.
    fn version() -> String {
        let part = |name: &str| std::env::var(format!("CARGO_PKG_VERSION{name}")).expect("set by cargo");
        let (major, minor, patch) = (part("_MAJOR"), part("_MINOR"), part("_PATCH"));
        let number = |part: &str| part.parse::<u8>().expect("a version has small numbers");
        format!(
            r#"
/**
 * The version of this header, which is that of the library it came with: compare `spantls_version()`.
 */
#define SPANTLS_VERSION "{}"

/**
 * Its first number.
 */
#define SPANTLS_VERSION_MAJOR {major}

/**
 * Its second number.
 */
#define SPANTLS_VERSION_MINOR {minor}

/**
 * Its third number.
 */
#define SPANTLS_VERSION_PATCH {patch}

/**
 * The same as one number, a byte each for major, minor and patch: `#if SPANTLS_VERSION_NUMBER >= 0x010000`. A release candidate
 * has the number of its release.
 */
#define SPANTLS_VERSION_NUMBER 0x{:02x}{:02x}{:02x}

"#,
            part(""),
            number(&major),
            number(&minor),
            number(&patch)
        )
    }

    pub(crate) fn generate() {
        log::set_logger(&Refuse).expect("no other logger");
        log::set_max_level(log::LevelFilter::Warn);
        println!("cargo:rerun-if-changed=src/ffi");
        println!("cargo:rerun-if-changed=cbindgen.toml");
        println!("cargo:rerun-if-env-changed=SPANTLS_HEADER_OUT");
        let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
        let out = std::env::var("SPANTLS_HEADER_OUT").map_or_else(|_| root.join("include/spantls.h"), PathBuf::from);
        let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
        config.after_includes.get_or_insert_default().push_str(&version());
        cbindgen::Builder::new()
            .with_config(config)
            .with_src(root.join("src/ffi/status.rs"))
            .with_src(root.join("src/ffi/numbers.rs"))
            .with_src(root.join("src/ffi/handles.rs"))
            .with_src(root.join("src/ffi/library.rs"))
            .with_src(root.join("src/ffi/credentials.rs"))
            .with_src(root.join("src/ffi/options.rs"))
            .with_src(root.join("src/ffi/trust_options.rs"))
            .with_src(root.join("src/ffi/session_options.rs"))
            .with_src(root.join("src/ffi/context.rs"))
            .with_src(root.join("src/ffi/session.rs"))
            .with_src(root.join("src/ffi/socket.rs"))
            .with_src(root.join("src/ffi/reasons.rs"))
            .with_src(root.join("src/ffi/verdict.rs"))
            .with_src(root.join("src/ffi/answers.rs"))
            .with_src(root.join("src/ffi/facts.rs"))
            .with_src(root.join("src/ffi/identity.rs"))
            .with_src(root.join("src/ffi/certificate.rs"))
            .with_src(root.join("src/ffi/client_hello.rs"))
            .generate()
            .expect("the header can be generated")
            .write_to_file(out);
    }
}
