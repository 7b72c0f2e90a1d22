//! Every number that an attacker could try to exploit, with its reason and its source.

/// Bytes of a record header (RFC 8446 section 5.1).
pub(crate) const RECORD_HEADER: usize = 5;

/// Plaintext bytes of a record (RFC 8446 section 5.1, RFC 5246 section 6.2.1).
pub(crate) const MAX_PLAINTEXT: usize = 1 << 14;

/// Bytes after the header of a protected TLS 1.3 record (RFC 8446 section 5.2).
pub(crate) const MAX_CIPHERTEXT_TLS13: usize = MAX_PLAINTEXT + 256;

/// Bytes after the header of a protected TLS 1.2 record (RFC 5246 section 6.2.3).
pub(crate) const MAX_CIPHERTEXT_TLS12: usize = MAX_PLAINTEXT + 2048;

/// Bytes of memory that must be there before a handshake step, a judgement, or the making of an object begins, beside what is
/// in proportion to its input: what rustls and the providers allocate for one while they are at it. Measured: 17 KiB
/// for the largest step.
pub(crate) const HEADROOM: usize = 96 << 10;

/// What work on a peer's or a host's bytes may take for each of them: a copy in another form, and that once more while a vector
/// grows.
pub(crate) const MEMORY_PER_BYTE: usize = 4;

/// Bytes of a handshake message after its header. The protocol allows 2^24; no real message is nearly as long, and a peer
/// must not make us keep megabytes before it has proved anything.
pub(crate) const MAX_HANDSHAKE_MESSAGE: usize = 0xffff;

/// Bytes of a certificate whose facts are read: as many as a peer can send in a handshake message. Every question reads the
/// certificate again, and a host that lists the names of a certificate asks once for each, so the work grows with the square
/// of the size.
pub(crate) const MAX_CERTIFICATE: usize = MAX_HANDSHAKE_MESSAGE;

/// Subject alternative names of such a certificate, for the same reason: 32,000 empty ones would fit into it. The public
/// authorities stop at some hundred.
pub(crate) const MAX_ALTERNATIVE_NAMES: usize = 4096;

/// Bytes of records that a handshake keeps while a message is incomplete. rustls discards nothing before the message's
/// end, padding included, and padding is free for the peer: 16 KiB a byte. A message of the largest size in fragments of
/// 64 bytes fits.
pub(crate) const MAX_UNFINISHED_RECORDS: usize = 128 << 10;

/// Bytes of early data that a server skips (RFC 8446 section 4.2.10). We accept none and cannot know what a client was
/// allowed by the server that gave it its ticket: servers allow 16 KiB unless they are told otherwise, so this is eight
/// times as much. A byte costs us what it costs the client to protect it.
pub(crate) const MAX_SKIPPED_EARLY_DATA: usize = 128 << 10;

/// The least that the plaintext of our records can be limited to: the limit is for small peers (RFC 8449 has 64), not for
/// hiding.
pub(crate) const MIN_FRAGMENT: usize = 64;

/// Room that always lets `encrypt` make progress: a key update (27 bytes in TLS 1.3) and a record of some bytes.
pub(crate) const MIN_CIPHERTEXT: usize = 64;

/// Bytes that a bound session receives at once: four of the largest records. The host's buffer limits it further, and what
/// was received beyond that is kept, so a peer makes a session keep no more than this.
pub(crate) const RECEIVE_SCRATCH: usize = 4 * (RECORD_HEADER + MAX_CIPHERTEXT_TLS12);

/// Bytes that a bound session sends at once: eight full records. What the socket does not take is kept, so a peer that
/// does not read makes a session keep no more than this.
pub(crate) const SEND_SCRATCH: usize = 8 * (RECORD_HEADER + MAX_PLAINTEXT + 32);

/// System calls with which one call of the host discards what a peer still sends after the end. A peer that never stops
/// does not keep the calling thread; more than 16 MiB can be on its way only in very fast and distant networks.
pub(crate) const MAX_DISCARDED_RECEIPTS: u32 = 256;

/// Empty application records in a row. Each costs us an AEAD and the peer almost nothing.
pub(crate) const MAX_EMPTY_RECORDS: u8 = 32;

/// Warning alerts in a row (TLS 1.2), and `user_canceled` in either version: they do nothing (RFC 5246 section 7.2).
pub(crate) const MAX_WARNING_ALERTS: u8 = 4;

/// KeyUpdate messages without application data between them. Each costs us two key derivations, and a reply.
pub(crate) const MAX_KEY_UPDATES: u8 = 32;

/// Requests for renegotiation, without application data between them, that are turned down with a warning
/// (RFC 5246 section 7.2.2) before the session ends.
/// It is a classic way to make a server work for nothing.
pub(crate) const MAX_RENEGOTIATION_REQUESTS: u8 = 4;

/// NewSessionTicket messages without application data between them. A server has no reason for more.
pub(crate) const MAX_TICKETS: u8 = 64;

/// Records sealed under one AES-GCM key: 2^24.5 full-size records keep the attacker's advantage below 2^-57
/// (RFC 8446 section 5.5); we stop earlier, at a round number.
pub(crate) const MAX_RECORDS_AES_GCM: u64 = 1 << 24;

/// Records sealed under one ChaCha20-Poly1305 key: the sequence number would wrap first (RFC 8446 section 5.5).
/// It must never reach its last value; ending far below costs nothing.
pub(crate) const MAX_RECORDS_CHACHA20_POLY1305: u64 = 1 << 62;

/// Seconds that a session ticket is good for unless the options say otherwise.
pub(crate) const DEFAULT_TICKET_LIFETIME: u32 = 7200;

/// RFC 8446 section 4.6.1: seven days.
pub(crate) const MAX_TICKET_LIFETIME: u32 = 604_800;

/// Seconds from a full handshake in which its session may be resumed, however often (RFC 8446 section 4.6.1): no one proves
/// in a resumed one that a certificate's key is still his, and each brings new tickets.
pub(crate) const MAX_RESUMED: u64 = 604_800;

/// Tickets that a server sends at the end of a TLS 1.3 handshake unless the options say otherwise: each is good for one
/// connection, and clients like two.
pub(crate) const DEFAULT_TICKET_COUNT: usize = 2;

/// The most that the options can say: a handshake seals and sends each of them.
pub(crate) const MAX_TICKET_COUNT: usize = 16;

/// Bytes of a ticket root's secret, at least: those of the keys that derive from it (AES-256).
pub(crate) const MIN_TICKET_SECRET: usize = 32;

/// Bytes of a ticket root's secret, at most: far more than random bytes need, and a wrong length is found.
pub(crate) const MAX_TICKET_SECRET: usize = 1024;

/// Ticket roots of a context: two are in use at a time, and some may be given in advance.
pub(crate) const MAX_TICKET_ROOTS: usize = 16;

/// Tickets that one TLS 1.3 session of a client takes: servers send one or two, and what takes them has some 800 bytes.
pub(crate) const TICKETS_TAKEN: u32 = 2;

/// Tickets that a client keeps for one server.
pub(crate) const MAX_TICKETS_KEPT: usize = 8;

/// Bytes of a ticket that is kept or given. It has to fit into a ClientHello beside all else: of one that is too long rustls
/// writes wrong lengths. Tickets hold a client's chain at most.
pub(crate) const MAX_TICKET: usize = 32 << 10;

/// Servers that a client context keeps tickets for.
pub(crate) const MAX_TICKET_SERVERS: usize = 256;

/// Certificates that the default validation puts into paths before it gives up. Real chains need less than twenty;
/// a dozen certificates of one name can be put together in more than 600,000 ways, of which webpki would try 200,000.
pub(crate) const MAX_PATH_STEPS: u32 = 128;

/// Signatures of certificates that are wrong, after which the default validation gives up: a P-384 signature takes us a
/// millisecond, and 35 KB hold a hundred certificates that claim the anchor's name. Real chains with cross-signed
/// certificates have two or three that do not fit. Times the anchors of one name, which only the host can add.
pub(crate) const MAX_WRONG_SIGNATURES: u32 = 8;

/// Chains that a context remembers as trusted. One takes about a hundred bytes.
pub(crate) const MAX_KNOWN_CHAINS: usize = 64;

/// Certificates of the chain that a report of the default validation follows by names: paths are shorter than this.
pub(crate) const MAX_LIKELY_CHAIN: usize = 16;

/// Fibers at once, suspended or running. Each is two memory mappings and Linux allows 65,530 to a process
/// (`vm.max_map_count`): half of what fits, so that the host keeps its own.
pub(crate) const MAX_FIBERS: usize = 16_384;

/// Wiped stacks kept for the next handshake step; the others are unmapped.
pub(crate) const IDLE_STACKS: usize = 32;

/// Wiped buffers of one record each, kept for plaintext that did not fit; the others are freed.
pub(crate) const IDLE_HELD_BUFFERS: usize = 16;

/// Bytes of all application protocols of a context. A ClientHello's extensions together have 2^16 - 1.
pub(crate) const MAX_ALPN_LIST: usize = 16 << 10;

/// Bytes of the acceptable issuers that a server names; if they are more, it names none, which means any. A
/// CertificateRequest must stay below what peers take as a handshake message, which is what we take.
pub(crate) const MAX_ISSUER_LIST: usize = 48 << 10;

/// Bytes of a chain of ours, for the same reason.
pub(crate) const MAX_OWN_CHAIN: usize = 52 << 10;

/// Rounds of PBKDF2 for an encrypted private key: some seconds. OpenSSL writes 2048, and a million is recommended today.
#[cfg(feature = "encrypted-keys")]
pub(crate) const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

/// Bytes that scrypt takes for an encrypted private key: N * r * 128, and as many again at most for its turns (p * r * 128).
/// OpenSSL writes 16 MiB and reads no more than 32.
#[cfg(feature = "encrypted-keys")]
pub(crate) const MAX_SCRYPT_MEMORY: u64 = 64 << 20;

/// scrypt's p: how often that memory is filled, one after the other.
#[cfg(feature = "encrypted-keys")]
pub(crate) const MAX_SCRYPT_TURNS: u16 = 16;

/// Chains of ours in one context: each ClientHello is compared with those of its name alone, but a mistake in a loop should
/// not fill the memory.
pub(crate) const MAX_OWN_CHAINS: usize = 4096;

/// Bytes of an OCSP response of ours, which goes with the chain. Real ones have some thousand, most of them less.
pub(crate) const MAX_OCSP_RESPONSE: usize = 12 << 10;

/// Certificates in a PEM text: a whole trust store has some hundreds.
pub(crate) const MAX_PEM_ITEMS: usize = 4096;

/// The largest file that is read as PEM.
pub(crate) const MAX_PEM_FILE: u64 = 16 << 20;

/// Bits of an RSA key that we sign with, at most: ring signs with no longer one, and it is a host's time.
pub(crate) const MAX_SIGNING_RSA_BITS: usize = 4096;
