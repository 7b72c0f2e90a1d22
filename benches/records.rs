//! Records sealed and opened through the exported functions of the shared library, as a host calls them, beside the
//! bare AEAD of the provider and one copy of the data. `make bench`.
//!
//! Every sample of criterion's takes turns between the two, in blocks of some dozen microseconds, so that what disturbs
//! one disturbs the other. Criterion reports on our side; the table at the end compares the medians of all blocks.

#![expect(unsafe_code, reason = "calls through the C interface")]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "library/mod.rs"]
mod library;

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::aead;
use criterion::{BenchmarkId, Criterion, Throughput};
use library::{Pair, Session};
#[cfg(not(feature = "aws-lc-rs"))]
use ring::aead;

use aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

const SIZES: [usize; 4] = [64, 1024, 4096, 16384];
/// Bytes of plaintext in a block, and the most records. What a block touches stays in the caches near the core, where
/// a host has what it has just received.
const BLOCK_BYTES: usize = 64 << 10;
const BLOCK_RECORDS: usize = 256;
/// Header, explicit nonce, inner type and tag.
const MAX_OVERHEAD: usize = 5 + 8 + 1 + 16;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Tls12,
    Tls13,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Encrypt,
    Decrypt,
    DecryptInPlace,
}

/// One row of the table: what it takes to do one record, in nanoseconds, in each block.
struct Row {
    call: Call,
    version: Version,
    size: usize,
    bare: Vec<f64>,
    ours: Vec<f64>,
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3))
        .sample_size(30)
        .configure_from_args();
    let mut table = Vec::new();
    for call in [Call::Encrypt, Call::Decrypt, Call::DecryptInPlace] {
        let mut group = criterion.benchmark_group(call.to_string());
        for version in [Version::Tls13, Version::Tls12] {
            for size in SIZES {
                let mut row = Row { call, version, size, bare: Vec::new(), ours: Vec::new() };
                group.throughput(Throughput::Bytes(size as u64));
                group.bench_function(BenchmarkId::new(version.to_string(), size), |bencher| {
                    let mut duel = Duel::new(call, version, size);
                    bencher.iter_custom(|records| duel.run(records, &mut row));
                });
                table.push(row);
            }
        }
        group.finish();
    }
    criterion.final_summary();
    print_table(&table);
}

/// Both sides' keys and buffers.
struct Duel {
    call: Call,
    pair: Pair,
    bare: Bare,
    plaintext: Vec<u8>,
    /// Records of a block, one behind the other.
    sealed: Vec<u8>,
    bare_sealed: Vec<u8>,
    /// Where a record is sealed or opened to, by either side.
    output: Vec<u8>,
    record_len: usize,
    blocks: usize,
}

impl Duel {
    fn new(call: Call, version: Version, size: usize) -> Self {
        let bare = Bare::new(version);
        let record_len = bare.prefix_len() + size + bare.inner_type_len() + 16;
        let records = (BLOCK_BYTES / size).min(BLOCK_RECORDS);
        Self {
            call,
            pair: Pair::open(version == Version::Tls12),
            bare,
            plaintext: vec![0x5a; size],
            sealed: vec![0; records * record_len],
            bare_sealed: vec![0; records * record_len],
            output: vec![0; size + MAX_OVERHEAD],
            record_len,
            blocks: 0,
        }
    }

    /// So many records, rounded to whole blocks, by each side. What is returned is our time for `records`.
    fn run(&mut self, records: u64, row: &mut Row) -> Duration {
        let in_block = self.sealed.len() / self.record_len;
        let blocks = records.div_ceil(in_block as u64);
        let mut ours = Duration::ZERO;
        for _ in 0..blocks {
            // A TLS 1.2 key seals 2^24 records and no more; in TLS 1.3 a key update would come between.
            if (self.blocks + 1) * in_block >= 1 << 23 {
                self.pair = Pair::open(self.bare.version == Version::Tls12);
                self.blocks = 0;
            }
            self.blocks += 1;
            if self.call != Call::Encrypt {
                self.seal_block();
            }
            // Neither side is always the one behind.
            let (bare_time, our_time) = if self.blocks.is_multiple_of(2) {
                let bare_time = self.bare_block();
                (bare_time, self.our_block())
            } else {
                let our_time = self.our_block();
                (self.bare_block(), our_time)
            };
            ours += our_time;
            row.bare.push(bare_time.as_nanos() as f64 / in_block as f64);
            row.ours.push(our_time.as_nanos() as f64 / in_block as f64);
        }
        ours.mul_f64(records as f64 / (blocks * in_block as u64) as f64)
    }

    /// What the next block opens; not timed.
    fn seal_block(&mut self) {
        for record in self.sealed.chunks_exact_mut(self.record_len) {
            assert_eq!(self.pair.client.encrypt(&self.plaintext, record), self.record_len);
        }
        for (index, record) in self.bare_sealed.chunks_exact_mut(self.record_len).enumerate() {
            self.bare.seal(index as u64, &self.plaintext, record);
        }
    }

    fn our_block(&mut self) -> Duration {
        let Self { call, pair, plaintext, sealed, output, record_len, .. } = self;
        let (client, server): (&Session, &Session) = (&pair.client, &pair.server);
        let start = Instant::now();
        for record in sealed.chunks_exact_mut(*record_len) {
            match call {
                Call::Encrypt => assert_eq!(client.encrypt(black_box(plaintext), black_box(output)), *record_len),
                Call::Decrypt => assert_eq!(server.decrypt(black_box(record), black_box(output)), plaintext.len()),
                Call::DecryptInPlace => assert_eq!(server.decrypt_in_place(black_box(record)), plaintext.len()),
            }
        }
        start.elapsed()
    }

    fn bare_block(&mut self) -> Duration {
        let Self { call, bare, plaintext, bare_sealed, output, record_len, .. } = self;
        let start = Instant::now();
        for (index, record) in bare_sealed.chunks_exact(*record_len).enumerate() {
            let index = index as u64;
            match call {
                Call::Encrypt => bare.seal(index, black_box(plaintext), &mut black_box(&mut *output)[..*record_len]),
                Call::Decrypt | Call::DecryptInPlace => bare.open(index, black_box(record), black_box(output)),
            }
        }
        start.elapsed()
    }
}

/// The bare AEAD and one copy: sealed or opened in the output buffer, over the same bytes as in a record, with
/// additional data of the same length.
struct Bare {
    key: LessSafeKey,
    version: Version,
}

impl Bare {
    fn new(version: Version) -> Self {
        Self { key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).unwrap()), version }
    }

    /// Header, and TLS 1.2's explicit nonce.
    fn prefix_len(&self) -> usize {
        if self.version == Version::Tls12 { 5 + 8 } else { 5 }
    }

    fn inner_type_len(&self) -> usize {
        usize::from(self.version == Version::Tls13)
    }

    #[inline(always)]
    fn seal(&self, sequence: u64, data: &[u8], record: &mut [u8]) {
        let (inner, tag_room) = record[self.prefix_len()..].split_at_mut(data.len() + self.inner_type_len());
        inner[..data.len()].copy_from_slice(data);
        if let Some(inner_type) = inner.get_mut(data.len()) {
            *inner_type = 23;
        }
        let nonce = nonce(sequence);
        let tag = match self.version {
            Version::Tls13 => self.key.seal_in_place_separate_tag(nonce, Aad::from([23; 5]), inner),
            Version::Tls12 => self.key.seal_in_place_separate_tag(nonce, Aad::from([23; 13]), inner),
        };
        tag_room.copy_from_slice(tag.unwrap().as_ref());
    }

    #[inline(always)]
    fn open(&self, sequence: u64, record: &[u8], output: &mut [u8]) {
        let sealed = &record[self.prefix_len()..];
        let output = &mut output[..sealed.len()];
        output.copy_from_slice(sealed);
        let nonce = nonce(sequence);
        let opened = match self.version {
            Version::Tls13 => self.key.open_in_place(nonce, Aad::from([23; 5]), output),
            Version::Tls12 => self.key.open_in_place(nonce, Aad::from([23; 13]), output),
        };
        black_box(opened.unwrap());
    }
}

fn nonce(sequence: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&sequence.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// The rows that were measured: a filter on the command line leaves some out.
fn print_table(table: &[Row]) {
    let mut measured = table.iter().filter(|row| !row.ours.is_empty()).peekable();
    if measured.peek().is_none() {
        return;
    }
    println!("\nAES-128-GCM, nanoseconds for a record (medians); ratio: bare AEAD and a copy / ours\n");
    println!("| call | version | record | AEAD and a copy | ours | ratio |");
    println!("|---|---|---|---|---|---|");
    for row in measured {
        let (bare, ours) = (median(&row.bare), median(&row.ours));
        let (call, version, size, ratio) = (row.call, row.version, row.size, bare / ours);
        println!("| {call} | {version} | {size} B | {bare:.1} | {ours:.1} | {ratio:.2} |");
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::DecryptInPlace => "decrypt_in_place",
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}
