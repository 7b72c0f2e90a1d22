//! Sealing and opening records, beside the bare AEAD of ring plus one copy of the data, in the same run.
//!
//! `cargo bench --bench records`; the ratios are what counts, the machine's speed is not ours.

#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use spantls::context::{Context, Credentials, Options};
use spantls::outcome::{Outcome, Question};
use spantls::session::{Counts, Session};

const SIZES: [usize; 4] = [64, 1024, 4096, 16384];
const ROOM: usize = 16384 + 512;
const TLS12: (u32, u16) = (0xC00, 0xC02B);
const TLS13: (u32, u16) = (0x3000, 0x1301);

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/ffi-tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A client and a server that have shaken hands in memory, with AES-128-GCM.
fn open_pair((protocol, suite): (u32, u16)) -> (Session, Session) {
    let mut options = Options::default();
    let credentials = Credentials::from_pem(&read("server-p256.pem"), &read("server-p256.key")).unwrap();
    options.set_credentials(Some(Arc::new(credentials)));
    let server = Session::new(Arc::new(Context::server(options).unwrap()));
    let mut options = Options::default();
    options.set_protocols(protocol).unwrap();
    options.set_cipher_suites(&[suite]).unwrap();
    let client = Session::new(Arc::new(Context::client(options).unwrap()));
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    loop {
        let first = step(&client, &mut to_client, &mut to_server);
        let second = step(&server, &mut to_server, &mut to_client);
        if first == Outcome::Complete && second == Outcome::Complete {
            return (client, server);
        }
    }
}

fn step(session: &Session, input: &mut Vec<u8>, output: &mut Vec<u8>) -> Outcome {
    let mut room = vec![0; 32768];
    let mut counts = Counts::default();
    let outcome = session.process_handshake(input, &mut room, &mut counts).unwrap();
    input.drain(..counts.consumed);
    output.extend_from_slice(&room[..counts.written]);
    if outcome == Outcome::Suspended(Question::Certificate) {
        session.set_certificate_validation_result(0).unwrap();
    }
    outcome
}

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
        let (client, _server) = open_pair(TLS13);
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
                    let (client, _server) = open_pair(TLS12);
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
        let (client, server) = open_pair(TLS13);
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
