//! Sealing and opening records, beside the bare AEAD of ring plus one copy of the data, in the same run.
//!
//! `cargo bench --bench records`; the ratios are what counts, the machine's speed is not ours.

#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{open_pair, server};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use spantls::outcome::Outcome;
use spantls::session::Counts;

const SIZES: [usize; 4] = [64, 1024, 4096, 16384];
const ROOM: usize = 16384 + 512;
/// AES-128-GCM in both versions.
const TLS12: u16 = 0xC02B;
const TLS13: u16 = 0x1301;

fn bare_key() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[7; 16]).unwrap())
}

fn bare_seal(key: &LessSafeKey, sequence: u64, data: &[u8], record: &mut [u8]) -> usize {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&sequence.to_be_bytes());
    let inner = &mut record[5..5 + data.len() + 1];
    inner[..data.len()].copy_from_slice(data);
    inner[data.len()] = 23;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from([23, 3, 3, 0, 0]), inner).unwrap();
    let end = 5 + data.len() + 1;
    record[end..end + 16].copy_from_slice(tag.as_ref());
    end + 16
}

fn bare_open(key: &LessSafeKey, sequence: u64, record: &[u8], plaintext: &mut [u8]) -> usize {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&sequence.to_be_bytes());
    let sealed = &record[5..];
    let room = &mut plaintext[..sealed.len()];
    room.copy_from_slice(sealed);
    key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from([23, 3, 3, 0, 0]), room).unwrap().len()
}

fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let data = vec![0x5a; size];
        let mut record = vec![0; ROOM];
        let key = bare_key();
        let mut sequence = 0;
        group.bench_function(BenchmarkId::new("ring and a copy", size), |bencher| {
            bencher.iter(|| {
                sequence += 1;
                bare_seal(&key, sequence, black_box(&data), black_box(&mut record))
            });
        });
        let (client, _server) = open_pair(common::client(0, &[TLS13]), server("server-p256"));
        group.bench_function(BenchmarkId::new("spantls TLS 1.3", size), |bencher| {
            bencher.iter(|| {
                let mut counts = Counts::default();
                let outcome = client.encrypt(&[black_box(&data)], black_box(&mut record), &mut counts);
                assert_eq!(outcome, Ok(Outcome::Complete));
                counts.written
            });
        });
        // One TLS 1.2 key seals 2^24 records and no more: a new session now and then, not timed.
        group.bench_function(BenchmarkId::new("spantls TLS 1.2", size), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut time = Duration::ZERO;
                let mut left = iterations;
                while left > 0 {
                    let (client, _server) = open_pair(common::client(0, &[TLS12]), server("server-p256"));
                    let round = left.min(1 << 20);
                    let start = Instant::now();
                    for _ in 0..round {
                        let mut counts = Counts::default();
                        let outcome = client.encrypt(&[black_box(&data)], black_box(&mut record), &mut counts);
                        assert_eq!(outcome, Ok(Outcome::Complete));
                    }
                    time += start.elapsed();
                    left -= round;
                }
                time
            });
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let data = vec![0x5a; size];
        let mut plaintext = vec![0; ROOM];
        let key = bare_key();
        let mut sequences = (0, 0);
        group.bench_function(BenchmarkId::new("ring and a copy", size), |bencher| {
            bencher.iter_batched_ref(
                || {
                    sequences.0 += 1;
                    let mut record = vec![0; size + 22];
                    bare_seal(&key, sequences.0, &data, &mut record);
                    (sequences.0, record)
                },
                |(sequence, record)| bare_open(&key, *sequence, black_box(record), black_box(&mut plaintext)),
                BatchSize::LargeInput,
            );
        });
        let (client, server) = open_pair(common::client(0, &[TLS13]), server("server-p256"));
        let sealed = || {
            let mut record = vec![0; size + 64];
            let mut counts = Counts::default();
            assert_eq!(client.encrypt(&[&data], &mut record, &mut counts), Ok(Outcome::Complete));
            record.truncate(counts.written);
            record
        };
        group.bench_function(BenchmarkId::new("spantls decrypt", size), |bencher| {
            bencher.iter_batched_ref(
                sealed,
                |record| {
                    let mut counts = Counts::default();
                    let outcome = server.decrypt(black_box(record), black_box(&mut plaintext), &mut counts);
                    assert_eq!(outcome, Ok(Outcome::Complete));
                    counts.written
                },
                BatchSize::LargeInput,
            );
        });
        group.bench_function(BenchmarkId::new("spantls decrypt_in_place", size), |bencher| {
            bencher.iter_batched_ref(
                sealed,
                |record| {
                    let (mut consumed, mut range) = (0, 0..0);
                    let outcome = server.decrypt_in_place(black_box(record), &mut consumed, &mut range);
                    assert_eq!(outcome, Ok(Outcome::Complete));
                    range.len()
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group! {
    name = records;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30);
    targets = seal, open
}
criterion_main!(records);
