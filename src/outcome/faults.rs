//! Panics that a test wants, in the middle of what the library does. Builds for users do not have them.

use std::cell::Cell;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a callback of rustls, after the host was asked.
    Suspension,
    Sealing,
    Opening,
}

thread_local! {
    static NEXT: Cell<Option<Place>> = const { Cell::new(None) };
}

/// The next time that this thread comes to that place, it panics.
pub(crate) fn panic_at(place: Place) {
    NEXT.set(Some(place));
}

/// Whether the panic is still to come; it is not any more.
pub(crate) fn forget() -> bool {
    NEXT.take().is_some()
}

pub(crate) fn reach(place: Place) {
    if NEXT.get() == Some(place) {
        NEXT.set(None);
        panic!("a test wants it");
    }
}
