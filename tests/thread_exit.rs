//! Hosts may drive sessions from the destructors of their own thread-locals.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::cell::RefCell;
use std::sync::mpsc::{Sender, channel};

use common::{TLS13, client};
use spantls::outcome::{Failure, Outcome};
use spantls::session::{Counts, Session};

struct AtExit(Session, Sender<(Result<Outcome, Failure>, usize)>);

impl Drop for AtExit {
    fn drop(&mut self) {
        let mut counts = Counts::default();
        let result = self.0.process_handshake(&[], &mut [0; 2000]).add_to(&mut counts);
        self.1.send((result, counts.written)).unwrap();
    }
}

thread_local! {
    static FIRST: RefCell<Option<AtExit>> = const { RefCell::new(None) };
    static SECOND: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

#[test]
fn a_session_can_be_driven_while_its_thread_ends() {
    let (sender, results) = channel();
    let context = client(TLS13, &[]);
    std::thread::spawn(move || {
        FIRST.set(Some(AtExit(Session::new(context.clone()), sender.clone())));
        // The library's own thread-locals come between the two.
        let session = Session::new(context.clone());
        session.process_handshake(&[], &mut [0; 2000]).outcome.unwrap();
        SECOND.set(Some(AtExit(Session::new(context), sender)));
    })
    .join()
    .unwrap();
    for _ in 0..2 {
        let (result, written) = results.recv().unwrap();
        assert_eq!(result, Ok(Outcome::WantRead));
        assert!(written > 100, "a ClientHello");
    }
}
