//! Records of one direction, sealed and opened by the RFCs alone, with ring's AEADs: for peers whose keys a test has.

use ring::aead::{Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, HKDF_SHA384, KeyType, Prk};

#[derive(Clone)]
pub struct Keys {
    key: LessSafeKey,
    pub bytes: Vec<u8>,
    pub iv: [u8; NONCE_LEN],
    /// Of the next record.
    pub sequence: u64,
    pub tls13: bool,
    /// TLS 1.3: what the next keys derive from.
    traffic: Option<Vec<u8>>,
}

impl Keys {
    pub fn new(tls13: bool, algorithm: &'static Algorithm, bytes: &[u8], iv: &[u8], sequence: u64) -> Self {
        let key = LessSafeKey::new(UnboundKey::new(algorithm, bytes).unwrap());
        Self { key, bytes: bytes.to_vec(), iv: iv.try_into().unwrap(), sequence, tls13, traffic: None }
    }

    /// RFC 8446 section 7.3.
    pub fn of_traffic(algorithm: &'static Algorithm, secret: &[u8]) -> Self {
        let (mut key, mut iv) = (vec![0; algorithm.key_len()], [0; NONCE_LEN]);
        expand(secret, b"key", &mut key);
        expand(secret, b"iv", &mut iv);
        Self { traffic: Some(secret.to_vec()), ..Self::new(true, algorithm, &key, &iv, 0) }
    }

    /// Where it is, the next keys follow from it.
    pub fn with_traffic(self, traffic: Option<Vec<u8>>) -> Self {
        Self { traffic, ..self }
    }

    pub fn traffic(&self) -> Option<&[u8]> {
        self.traffic.as_deref()
    }

    /// What comes after is under the next keys (RFC 8446 section 7.2).
    pub fn update(&mut self) {
        let Some(secret) = &self.traffic else { return };
        let mut next = vec![0; secret.len()];
        expand(secret, b"traffic upd", &mut next);
        *self = Self::of_traffic(self.key.algorithm(), &next);
    }

    /// The next record: its type, content and padding (TLS 1.3).
    pub fn seal(&mut self, content_type: u8, content: &[u8], padding: usize) -> Vec<u8> {
        self.seal_with(self.nonce(), content_type, content, padding)
    }

    /// The same with a nonce of the caller's; TLS 1.2's AES-GCM leaves the explicit part to the sender (RFC 5288 section 3).
    pub fn seal_with(&mut self, nonce: [u8; NONCE_LEN], content_type: u8, content: &[u8], padding: usize) -> Vec<u8> {
        let (outer_type, mut sealed) = match self.tls13 {
            true => (23, [content, &[content_type], &vec![0; padding]].concat()),
            false => (content_type, content.to_vec()),
        };
        let prefix = if self.explicit_nonce() { nonce[4..].to_vec() } else { Vec::new() };
        let [high, low] = ((prefix.len() + sealed.len() + 16) as u16).to_be_bytes();
        let header = [outer_type, 3, 3, high, low];
        let additional_data = self.additional_data(header, sealed.len());
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(additional_data), &mut sealed).unwrap();
        self.sequence += 1;
        [&header[..], &prefix, &sealed].concat()
    }

    /// The type and content of the next record; without padding.
    pub fn open(&mut self, record: &[u8]) -> (u8, Vec<u8>) {
        let (header, payload) = record.split_first_chunk::<5>().unwrap();
        let mut nonce = self.nonce();
        let mut sealed = payload.to_vec();
        if self.explicit_nonce() {
            nonce[4..].copy_from_slice(&payload[..8]);
            sealed.drain(..8);
        }
        let additional_data = self.additional_data(*header, sealed.len() - 16);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let mut inner = self.key.open_in_place(nonce, Aad::from(additional_data), &mut sealed).unwrap().to_vec();
        self.sequence += 1;
        (if self.tls13 { inner.pop().unwrap() } else { header[0] }, inner)
    }

    pub fn is_gcm(&self) -> bool {
        self.key.algorithm() != &ring::aead::CHACHA20_POLY1305
    }

    /// RFC 5288 section 3; RFC 7905: ChaCha20-Poly1305 has none.
    pub fn explicit_nonce(&self) -> bool {
        !self.tls13 && self.is_gcm()
    }

    /// RFC 8446 section 5.3.
    fn nonce(&self) -> [u8; NONCE_LEN] {
        let mut nonce = self.iv;
        for (byte, sequence) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= sequence;
        }
        nonce
    }

    /// RFC 8446 section 5.2, RFC 5246 section 6.2.3.3.
    fn additional_data(&self, header: [u8; 5], inner_len: usize) -> Vec<u8> {
        if self.tls13 {
            return header.to_vec();
        }
        [&self.sequence.to_be_bytes()[..], &header[..3], &(inner_len as u16).to_be_bytes()].concat()
    }
}

/// HKDF-Expand-Label without a context (RFC 8446 section 7.1); the hash is that of the secret's length.
fn expand(secret: &[u8], label: &[u8], output: &mut [u8]) {
    struct Len(usize);
    impl KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let label = [b"tls13 ", label].concat();
    let (len, label_len) = ((output.len() as u16).to_be_bytes(), [label.len() as u8]);
    let info: [&[u8]; 4] = [&len, &label_len, &label, &[0]];
    let key = Prk::new_less_safe(if secret.len() == 48 { HKDF_SHA384 } else { HKDF_SHA256 }, secret);
    key.expand(&info, Len(output.len())).unwrap().fill(output).unwrap();
}
