//! Why a peer's certificate is refused: one fault, where it is, and sets of faults.

macro_rules! reasons {
    ($($(#[$about:meta])* $name:ident),* $(,)?) => {
        /// One thing that is wrong with a peer's certificates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "`ffi::reasons` documents each for hosts")]
        pub enum Reason {
            $($(#[$about])* $name),*
        }

        const ALL: &[Reason] = &[$(Reason::$name),*];
    };
}

reasons! {
    NoCertificate,
    NameMismatch,
    Expired,
    NotYetValid,
    UnknownIssuer,
    SelfSigned,
    Revoked,
    RevocationUnknown,
    CrlExpired,
    BadCrl,
    WrongUsage,
    NotACa,
    PathLength,
    NameConstraints,
    WeakKey,
    WeakSignature,
    UnsupportedAlgorithm,
    BadSignature,
    Malformed,
    CriticalExtension,
    StrictProfile,
    Limits,
    /// Not a fault: one of the others ended the examination, so there may be more.
    Incomplete,
}

macro_rules! rules {
    ($($name:ident $words:literal),* $(,)?) => {
        /// Rules of the strict profile (RFC 5280 section 4).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "`words` says what each is")]
        pub enum Rule {
            $($name),*
        }

        impl Rule {
            /// What is wrong, in words that follow "a certificate".
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words),*
                }
            }
        }
    };
}

rules! {
    Unreadable "that cannot be read",
    IssuerNotACa "that issues others but is not a CA by its basicConstraints",
    TwoAlgorithms "with two different signature algorithms",
    Version "that has extensions but is not of version 3",
    AmbiguousCa "that may be a CA, without basicConstraints",
    PathLengthWithoutCa "with a path length that is not a CA",
    PathLengthWithoutKeyCertSign "with a path length and without keyCertSign",
    ConstraintsNotCritical "of a CA whose basicConstraints is not critical",
    CaWithoutKeyUsage "of a CA without a key usage",
    KeyCertSignWithoutCa "with keyCertSign that is not a CA",
    NoIssuerName "without the name of its issuer",
    NoSubject "without a subject",
    EmptyAlternativeName "whose subjectAltName is empty or malformed",
    AlternativeNameNotCritical "without a subject whose subjectAltName is not critical",
    CriticalAuthorityKey "whose authorityKeyIdentifier is critical",
    CriticalSubjectKey "whose subjectKeyIdentifier is critical",
    NoAuthorityKey "without an authorityKeyIdentifier that names a key",
    HalfAuthorityKey "whose authorityKeyIdentifier has an issuer or a serial number alone",
    NoSubjectKey "of a CA without a subjectKeyIdentifier",
}

/// The fault that decides a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blame {
    /// What is wrong.
    pub reason: Reason,
    /// With which certificate: 0 is the leaf, 1 its issuer. `None` where that is not known.
    pub depth: Option<u32>,
    /// Which rule of the strict profile it breaks.
    pub rule: Option<Rule>,
}

impl Blame {
    /// The fault of a peer without a certificate, if these faults are that.
    pub(crate) fn without_a_certificate(reasons: Reasons) -> Option<Self> {
        reasons.has(Reason::NoCertificate).then_some(Self { reason: Reason::NoCertificate, depth: None, rule: None })
    }
}

/// A peer that was asked for a certificate, in words.
pub(crate) const NO_CERTIFICATE: &str = "the peer sent no certificate";

/// A verdict's kinds of faults; none accepts the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyErrors {
    /// The peer showed no certificate.
    pub not_available: bool,
    /// The certificate is not for the name that was asked for.
    pub name_mismatch: bool,
    /// The chain is not trusted, not valid now, revoked, or not for this use.
    pub chain_errors: bool,
}

impl PolicyErrors {
    /// The peer is accepted.
    pub const NONE: Self = Self { not_available: false, name_mismatch: false, chain_errors: false };
    /// No certificate, and nothing else.
    pub const NOT_AVAILABLE: Self = Self { not_available: true, ..Self::NONE };
    /// A wrong name, and nothing else.
    pub const NAME_MISMATCH: Self = Self { name_mismatch: true, ..Self::NONE };
    /// A bad chain, and nothing else.
    pub const CHAIN_ERRORS: Self = Self { chain_errors: true, ..Self::NONE };
}

/// Several faults: a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons(u32);

impl Reasons {
    /// Adds one.
    pub fn insert(&mut self, reason: Reason) {
        self.0 |= Self::from(reason).0;
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn has(self, reason: Reason) -> bool {
        self.0 & Self::from(reason).0 != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        ALL.iter().copied().filter(move |reason| self.has(*reason))
    }

    /// The kinds that they belong to.
    #[must_use]
    pub fn policy_errors(self) -> PolicyErrors {
        let mut errors = PolicyErrors::NONE;
        for reason in self.iter() {
            match reason {
                Reason::NoCertificate => errors.not_available = true,
                Reason::NameMismatch => errors.name_mismatch = true,
                _ => errors.chain_errors = true,
            }
        }
        errors
    }

    /// What a rule says, unless breaking it is one of these faults.
    pub(crate) fn tolerate<E>(self, result: Result<(), E>, reason: impl Fn(&E) -> Reason) -> Result<(), E> {
        result.or_else(|error| if self.has(reason(&error)) { Ok(()) } else { Err(error) })
    }
}

impl From<Reason> for Reasons {
    fn from(reason: Reason) -> Self {
        Self(1 << reason as u32)
    }
}
