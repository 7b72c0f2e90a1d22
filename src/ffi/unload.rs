//! What is given back when the library is unloaded: memory of pools and caches, which belongs to no session. The system
//! runs this at `dlclose`, and when the program ends; other threads may still be in the library then, so that only what is
//! idle is given back, under the locks that its users take. The buffers of a thread go with the thread: until then glibc
//! keeps the library loaded. macOS unloads no library that has thread-local variables, and AWS-LC's stays too (`build.rs`).

#[cfg(all(unix, not(target_vendor = "apple")))]
#[used]
// SAFETY: the section holds pointers to functions of this type, which are called once, after everything else of ours.
#[unsafe(link_section = ".fini_array")]
static AT_UNLOAD: extern "C" fn() = give_back;

#[cfg_attr(any(not(unix), target_vendor = "apple"), expect(dead_code, reason = "nothing is unloaded here"))]
extern "C" fn give_back() {
    // A panic must not cross, and there is no one to report it to: nothing here panics but by a broken invariant.
    let _outcome = std::panic::catch_unwind(|| {
        crate::session::forget_idle();
    });
}
