//! What a bound session can be asked after it was finished.

use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;

use super::*;
use crate::transport::Socket;

fn bound(context: Context, socket: UnixStream) -> Session {
    socket.set_nonblocking(true).unwrap();
    let socket = Socket::new(socket.into_raw_fd() as isize, true).unwrap();
    Session::with_socket(Arc::new(context), socket, KernelTls::default())
}

/// A part of the data is gone then: the rest must not look like all of it.
#[test]
fn nothing_is_read_after_finish_has_discarded_data() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = bound(Context::server(server_options("server-p256")).unwrap(), theirs);
    let client = bound(Context::client(client_options()).unwrap(), ours);
    client.set_target_host_name("localhost").unwrap();
    for _ in 0..20 {
        if client.handshake().unwrap() == Outcome::Suspended(Question::Certificate) {
            accept(&client);
        }
        server.handshake().unwrap();
    }
    let mut room = [0; 100];
    for data in [b"first", b"later"] {
        assert_eq!(server.write(&[data]).outcome, Ok(Outcome::Complete));
    }
    assert_eq!(client.read(&mut room[..1]).outcome, Ok(Outcome::Complete));
    assert!(client.state().has_pending_plaintext);
    assert_eq!(client.finish(), Ok(Outcome::WantRead));
    assert_eq!(server.write(&[b"last"]).outcome, Ok(Outcome::Complete));
    assert_eq!(server.close(), Ok(Outcome::Closed));
    // What was opened before is here; what came after it is not.
    assert_eq!(client.read(&mut room[1..]).outcome, Ok(Outcome::Complete));
    assert_eq!(&room[..5], b"first");
    assert!(!client.state().has_pending_plaintext);
    for _ in 0..2 {
        assert_eq!(client.read(&mut room).outcome.unwrap_err().kind, FailureKind::InvalidState);
    }
    assert_eq!(server.read(&mut room).outcome, Ok(Outcome::Closed));
    drop(server);
    assert_eq!(client.finish(), Ok(Outcome::Closed));
    assert_eq!(client.read(&mut room).outcome.unwrap_err().kind, FailureKind::InvalidState);
}
