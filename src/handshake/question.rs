//! What a handshake asks its host. A question's type determines its answer's type, and there is room for one answer. Values
//! only: they cross threads.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;

use super::server_start::ServerStart;
use crate::crypto::own_key::OwnKey;
use crate::crypto::verifying_key::VerifyingKey;
use crate::outcome::{Failure, Question, Result};

/// A question, with what the host needs to know to answer it.
pub(crate) trait Answerable: Sized {
    /// Every question can be refused instead: see `Handshake::refuse`.
    type Answer: Clone;

    const QUESTION: Question;

    fn open(ask: Ask<Self>) -> OpenQuestion;

    /// The question, if it is of this type.
    fn of(open: &OpenQuestion) -> Option<&Ask<Self>>;
}

/// A question that was asked. The one who asks, the handshake and the getters share it.
pub(crate) struct Ask<Q: Answerable>(Arc<(Q, OnceLock<Q::Answer>)>);

impl<Q: Answerable> Ask<Q> {
    pub(super) fn new(question: Q) -> Self {
        Self(Arc::new((question, OnceLock::new())))
    }

    /// Gives the answer; it takes effect when the handshake continues.
    pub(crate) fn give(&self, answer: Q::Answer) -> Result<()> {
        self.0.1.set(answer).map_err(|_| answered_already())
    }

    pub(super) fn answer(&self) -> Option<&Q::Answer> {
        self.0.1.get()
    }
}

impl<Q: Answerable> Clone for Ask<Q> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q: Answerable> Deref for Ask<Q> {
    type Target = Q;

    fn deref(&self) -> &Q {
        &self.0.0
    }
}

/// A server: the ClientHello is complete, which context shall go on with it?
pub(crate) struct ContextRequest;

/// A client: the server asked for a certificate. What it takes as one (RFC 8446 section 4.3.2, RFC 5246 section 7.4.4).
#[derive(Default)]
pub(crate) struct CertificateRequest {
    /// Distinguished names as DER; none means any issuer.
    pub(crate) acceptable_issuers: Vec<Vec<u8>>,
    /// What the certificate's key must be able to sign with.
    pub(crate) schemes: Vec<SignatureScheme>,
}

/// The peer showed these certificates, leaf first; none, if it declined. The answer accepts them.
pub(crate) struct PeerChain(pub(crate) Arc<[CertificateDer<'static>]>);

/// An external private key must sign.
pub(crate) struct SignatureRequest {
    pub(crate) scheme: SignatureScheme,
    pub(crate) message: Vec<u8>,
    /// Checks the signature before it leaves.
    pub(crate) key: Arc<VerifyingKey>,
}

macro_rules! questions {
    ($($variant:ident: $question:ty => $answer:ty),* $(,)?) => {
        /// The question that suspends a handshake, with its answer once that is given.
        #[derive(Clone)]
        pub(crate) enum OpenQuestion {
            $($variant(Ask<$question>),)*
        }

        impl OpenQuestion {
            /// The question's kind.
            pub(crate) fn question(&self) -> Question {
                match self {
                    $(Self::$variant(_) => Question::$variant,)*
                }
            }

            pub(crate) fn is_answered(&self) -> bool {
                match self {
                    $(Self::$variant(ask) => ask.answer().is_some(),)*
                }
            }
        }

        $(impl Answerable for $question {
            type Answer = $answer;

            const QUESTION: Question = Question::$variant;

            fn open(ask: Ask<Self>) -> OpenQuestion {
                OpenQuestion::$variant(ask)
            }

            fn of(open: &OpenQuestion) -> Option<&Ask<Self>> {
                if let OpenQuestion::$variant(ask) = open { Some(ask) } else { None }
            }
        })*
    };
}

questions! {
    ServerContext: ContextRequest => ServerStart,
    Credentials: CertificateRequest => Option<Arc<OwnKey>>,
    Certificate: PeerChain => (),
    Signature: SignatureRequest => Vec<u8>,
}

/// A second answer.
pub(crate) fn answered_already() -> Failure {
    Failure::state("the answer was given already: continue the handshake")
}

/// An answer to a question that was not asked.
pub(crate) fn not_asked(question: Question) -> Failure {
    Failure::state(match question {
        Question::ServerContext => "no ClientHello waits for a context",
        Question::Credentials => "the session does not wait for credentials",
        Question::Certificate => "no certificate waits for a verdict",
        Question::Signature => "nothing waits for a signature",
    })
}
