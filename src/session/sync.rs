//! The locks and the atomic words of a session. The models of `models.rs` put loom's in their place, which try every order in which
//! threads can meet, and every value that the memory model lets a load return.

#[cfg(all(test, feature = "loom"))]
pub(super) use loom::sync::{Mutex, MutexGuard, atomic};
#[cfg(not(all(test, feature = "loom")))]
pub(super) use std::sync::{Mutex, MutexGuard, atomic};

#[cfg(all(feature = "loom", not(test)))]
compile_error!("the feature `loom` is for the models alone: `make test-models`");
