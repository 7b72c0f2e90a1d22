//! The keys that the kernel is given, and records that it would make with them.

use rustls::ConnectionTrafficSecrets;

use super::Run;
use super::keys::Keys;
use super::pair::{CLIENT, SERVER, material};
use crate::crypto::secrets::KeyMaterial;
use crate::limits::MAX_RECORDS_AES_GCM;
use crate::session::Version;
use crate::transport::kernel::CryptoInfo;

/// A `struct tls12_crypto_info_…` of `linux/tls.h`, field by field.
#[derive(Debug, PartialEq, Eq)]
struct Fields {
    version: u16,
    cipher_type: u16,
    iv: Vec<u8>,
    key: Vec<u8>,
    salt: Vec<u8>,
    rec_seq: u64,
}

impl Fields {
    /// The sizes are those of `TLS_CIPHER_…`.
    fn read(info: &CryptoInfo) -> Self {
        let bytes = info.as_bytes();
        let number = |at: usize| u16::from_ne_bytes(bytes[at..at + 2].try_into().unwrap());
        let (iv_len, key_len, salt_len) = match number(2) {
            51 => (8, 16, 4),
            52 => (8, 32, 4),
            54 => (12, 32, 0),
            other => panic!("cipher {other}"),
        };
        let mut rest = &bytes[4..];
        let mut field = |len| {
            let (field, more) = rest.split_at(len);
            rest = more;
            field.to_vec()
        };
        let (iv, key, salt, sequence) = (field(iv_len), field(key_len), field(salt_len), field(8));
        assert!(rest.is_empty());
        let rec_seq = u64::from_be_bytes(sequence.try_into().unwrap());
        Self { version: number(0), cipher_type: number(2), iv, key, salt, rec_seq }
    }

    /// What rustls has extracted.
    fn of(version: Version, (sequence, secrets): &(u64, ConnectionTrafficSecrets)) -> Self {
        let (cipher_type, key, iv, salt_len) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (51, key, iv, 4),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (52, key, iv, 4),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (54, key, iv, 0),
            _ => panic!("another AEAD"),
        };
        let (salt, iv) = iv.as_ref().split_at(salt_len);
        Self {
            version: if version == Version::Tls13 { 0x0304 } else { 0x0303 },
            cipher_type,
            iv: iv.to_vec(),
            key: key.as_ref().to_vec(),
            salt: salt.to_vec(),
            rec_seq: *sequence,
        }
    }

    /// Whether the explicit nonce is a counter of its own.
    fn counts_nonces(&self) -> bool {
        self.version == 0x0303 && !self.salt.is_empty()
    }

    /// Whether the kernel's counter does not come to this explicit nonce while the key may be used.
    fn is_far_from(&self, sent: u64) -> bool {
        sent.wrapping_sub(u64::from_be_bytes(self.iv[..].try_into().unwrap())) > MAX_RECORDS_AES_GCM
    }

    /// The kernel's way to seal: in TLS 1.2 it counts the explicit nonce up from `iv`.
    fn seal(&self, records: usize) -> Vec<u8> {
        let algorithm = match self.cipher_type {
            51 => &ring::aead::AES_128_GCM,
            52 => &ring::aead::AES_256_GCM,
            _ => &ring::aead::CHACHA20_POLY1305,
        };
        let tls13 = self.version == 0x0304;
        let iv = [&self.salt[..], &self.iv].concat();
        let mut keys = Keys::new(tls13, algorithm, &self.key, &iv, self.rec_seq);
        let mut sealed = Vec::new();
        for number in 0..records {
            sealed.extend(match self.counts_nonces() {
                true => {
                    let start = u64::from_be_bytes(self.iv[..].try_into().unwrap());
                    let explicit = start.wrapping_add(number as u64).to_be_bytes();
                    let nonce = [&self.salt[..], &explicit].concat().try_into().unwrap();
                    keys.seal_with(nonce, super::DATA, b"of the kernel", 0)
                }
                false => keys.seal(super::DATA, b"of the kernel", 0),
            });
        }
        sealed
    }
}

impl Run<'_> {
    /// The kernel takes over where our sessions are. What it seals opens at the other end, and its keys are rustls's.
    pub(super) fn hand_over_to_kernel(mut self) {
        // Replies to key updates leave rustls with the next data.
        for me in [CLIENT, SERVER] {
            self.send(me);
        }
        if self.pair.tls13 && self.random.chance(2) {
            self.update_keys(CLIENT);
            self.send(SERVER);
        }
        let version = if self.pair.tls13 { Version::Tls13 } else { Version::Tls12 };
        let infos = [CLIENT, SERVER].map(|me| self.given_to_kernel(me));
        let mut counts = [0, 0];
        for me in [CLIENT, SERVER] {
            counts[me] = 1 + self.random.below(20);
            let sealed = infos[me].seal(counts[me]);
            self.receive(me, &sealed, &b"of the kernel".repeat(counts[me]));
            for sent in &self.nonces[me] {
                assert!(infos[me].is_far_from(*sent), "the kernel repeats nonce {sent:x}: {:?}", infos[me].iv);
            }
            self.tally.kernels += 1;
        }
        let Self { pair, .. } = self;
        let extracted = pair.ends.map(|end| end.theirs.dangerous_extract_secrets().unwrap());
        for me in [CLIENT, SERVER] {
            let info = &infos[me];
            let (sent, received) = (&extracted[me].tx, &extracted[1 - me].rx);
            let counted = counts[me] as u64;
            for (theirs, more) in [(sent, 0), (received, counted)] {
                let mut fields = Fields::of(version, theirs);
                assert_eq!(fields.rec_seq, info.rec_seq + more);
                // Read from what rustls extracts, as our handshakes do, they are the same.
                let ours = CryptoInfo::new(version, &KeyMaterial::of(&theirs.1).unwrap(), info.rec_seq).unwrap();
                assert_eq!(Fields::read(&ours), *info);
                fields.rec_seq = info.rec_seq;
                if info.counts_nonces() {
                    // Where ours have not been; `Run::sent` has looked at the others.
                    fields.iv.clone_from(&info.iv);
                }
                assert_eq!(fields, *info);
            }
        }
    }

    /// What our session would give to the kernel for the records that this end sends.
    fn given_to_kernel(&self, me: usize) -> Fields {
        let ends = &self.pair.ends;
        let (version, sequence) = ends[me].ours.write.lock().unwrap().keys_in_force().unwrap();
        assert_eq!(ends[1 - me].ours.read.lock().unwrap().keys_in_force(), Some((version, sequence)));
        let keys = &self.pair.keys[me];
        assert_eq!(keys.sequence, sequence);
        let info = Fields::read(&CryptoInfo::new(version, &material(keys), sequence).unwrap());
        if version == Version::Tls13 {
            // What it gets after a key update: the same keys, and the first number.
            let after_update = [
                ends[me].ours.write.lock().unwrap().next_keys_in_force(),
                ends[1 - me].ours.read.lock().unwrap().next_keys_in_force(),
            ];
            for given in after_update {
                assert_eq!(Fields { rec_seq: sequence, ..Fields::read(&given.unwrap().unwrap()) }, info);
            }
        }
        info
    }
}
