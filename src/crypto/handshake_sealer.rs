//! The keys that seal our records in a handshake: rustls's messages, and one alert after them.

use std::sync::{Arc, Mutex, MutexGuard};

use rustls::crypto::cipher::{OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload};

use super::aead::{EXPLICIT_NONCE_LEN, TAG_LEN};
use super::record_keys::RecordKeys;
use crate::limits::RECORD_HEADER;
use crate::wire::ContentType;

/// The sealing keys of a handshake epoch, shared between rustls, which seals its messages with them, and the alert
/// primitive, which must be able to seal one more record after rustls has given up.
pub(crate) struct HandshakeSealer {
    state: Mutex<SealerState>,
}

struct SealerState {
    /// Ours, and not an encrypter of rustls's: one of aws-lc-rs's could not return to an earlier sequence number.
    keys: Option<Box<RecordKeys>>,
    /// The sequence number that follows the records of rustls.
    next: u64,
    /// TLS 1.2 prepares keys some messages before it uses them; TLS 1.3 uses them at once.
    in_force: bool,
}

/// A position in the sequence of sealed records. To continue from an earlier one, drop what was sealed after it first: then no
/// two records of one sequence number leave.
#[derive(Clone)]
pub(crate) struct SealingPoint {
    sealer: Arc<HandshakeSealer>,
    sequence: u64,
}

impl SealingPoint {
    /// Seals a record of ours after those of rustls.
    pub(crate) fn seal_next(&mut self, message: OutboundPlainMessage<'_>) -> Result<Vec<u8>, rustls::Error> {
        let sequence = self.sequence;
        self.sequence += 1;
        Ok(self.sealer.state().seal_at(message, sequence)?.encode())
    }
}

impl HandshakeSealer {
    /// Without keys nothing can be sealed.
    pub(crate) fn new(keys: Option<Box<RecordKeys>>, in_force: bool) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(SealerState { keys, next: 0, in_force }) })
    }

    fn state(&self) -> MutexGuard<'_, SealerState> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        let overhead = self.state().keys.as_ref().map_or(0, |keys| keys.overhead() - RECORD_HEADER);
        payload_len + overhead
    }

    /// Seals a record as rustls asks.
    pub(crate) fn seal(
        &self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, rustls::Error> {
        let mut state = self.state();
        state.in_force = true;
        state.next = sequence + 1;
        state.seal_at(message, sequence)
    }

    /// These keys at this point, if they are in force: what the peer expects next.
    pub(crate) fn point(self: &Arc<Self>) -> Option<SealingPoint> {
        let state = self.state();
        (state.in_force && state.keys.is_some()).then(|| SealingPoint { sealer: self.clone(), sequence: state.next })
    }
}

impl SealerState {
    fn seal_at(
        &self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, rustls::Error> {
        let keys = self.keys.as_ref().ok_or(rustls::Error::EncryptError)?;
        let mut payload = PrefixedPayload::with_capacity(keys.overhead() + message.payload.len());
        payload.extend_from_slice(&[0; EXPLICIT_NONCE_LEN][..keys.prefix_len()]);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&[0; 1 + TAG_LEN][..keys.inner_type_len() + TAG_LEN]);
        let mut header = [0; RECORD_HEADER];
        let record = keys.room_after(&mut header, payload.as_mut());
        ContentType::from_byte(message.typ.into())
            .zip(record)
            .and_then(|(content_type, record)| keys.seal_at(sequence, content_type, None, record).ok())
            .ok_or(rustls::Error::EncryptError)?;
        Ok(OutboundOpaqueMessage::new(header[0].into(), rustls::ProtocolVersion::TLSv1_2, payload))
    }
}
