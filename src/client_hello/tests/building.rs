//! ClientHellos in parts.

use super::super::*;

pub(in crate::client_hello) fn u16s(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

pub(in crate::client_hello) fn vector8(contents: &[u8]) -> Vec<u8> {
    [&[u8::try_from(contents.len()).unwrap()], contents].concat()
}

pub(in crate::client_hello) fn vector16(contents: &[u8]) -> Vec<u8> {
    [&u16::try_from(contents.len()).unwrap().to_be_bytes(), contents].concat()
}

/// What a server chooses a chain by; an empty list is not sent.
pub(crate) struct Offer<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) versions: &'a [u16],
    pub(crate) suites: &'a [u16],
    pub(crate) schemes: &'a [u16],
    pub(crate) groups: &'a [u16],
}

impl Offer<'_> {
    pub(crate) fn hello(&self) -> ClientHello {
        let mut hello = Hello { cipher_suites: u16s(self.suites), ..Hello::bare() };
        if let Some(name) = self.name {
            hello = hello.with(ext::SERVER_NAME, vector16(&[vec![0], vector16(name.as_bytes())].concat()));
        }
        for (kind, numbers) in [(ext::SIGNATURE_ALGORITHMS, self.schemes), (ext::SUPPORTED_GROUPS, self.groups)] {
            if !numbers.is_empty() {
                hello = hello.with(kind, vector16(&u16s(numbers)));
            }
        }
        if !self.versions.is_empty() {
            hello = hello.with(ext::SUPPORTED_VERSIONS, vector8(&u16s(self.versions)));
        }
        hello.read().unwrap()
    }
}

/// A ClientHello in parts, each without its length.
#[derive(Clone)]
pub(in crate::client_hello) struct Hello {
    pub(in crate::client_hello) session_id: Vec<u8>,
    pub(in crate::client_hello) cipher_suites: Vec<u8>,
    pub(in crate::client_hello) compression_methods: Vec<u8>,
    pub(in crate::client_hello) extensions: Option<Vec<(u16, Vec<u8>)>>,
    /// After everything else.
    pub(in crate::client_hello) trailer: Vec<u8>,
}

impl Hello {
    /// With nothing that is not needed.
    pub(in crate::client_hello) fn bare() -> Self {
        Self {
            session_id: vec![],
            cipher_suites: u16s(&[0x1301, 0xc02b]),
            compression_methods: vec![0],
            extensions: None,
            trailer: vec![],
        }
    }

    /// With each extension that is known here.
    pub(in crate::client_hello) fn full() -> Self {
        let binder = vector8(&[7; 32]);
        let identity = [vector16(b"ticket"), vec![0, 0, 0, 1]].concat();
        Self {
            session_id: vec![0x51; 32],
            ..Self::bare()
                .with(ext::SERVER_NAME, vector16(&[vec![0], vector16(b"Example.org")].concat()))
                .with(ext::STATUS_REQUEST, vec![1, 0, 0, 0, 0])
                .with(ext::SUPPORTED_GROUPS, vector16(&u16s(&[0x2a2a, 29, 23])))
                .with(ext::EC_POINT_FORMATS, vector8(&[0, 1]))
                .with(ext::SIGNATURE_ALGORITHMS, vector16(&u16s(&[0x0403, 0x0804])))
                .with(ext::ALPN, vector16(&[vector8(b"h2"), vector8(b"http/1.1")].concat()))
                .with(ext::CLIENT_CERTIFICATE_TYPE, vector8(&[0]))
                .with(ext::SERVER_CERTIFICATE_TYPE, vector8(&[0]))
                .with(ext::EXTENDED_MASTER_SECRET, vec![])
                .with(ext::COMPRESS_CERTIFICATE, vector8(&u16s(&[2])))
                .with(ext::EARLY_DATA, vec![])
                .with(ext::SUPPORTED_VERSIONS, vector8(&u16s(&[0x0304, 0x0303])))
                .with(ext::COOKIE, vector16(b"cookie"))
                .with(ext::PSK_KEY_EXCHANGE_MODES, vector8(&[1]))
                .with(ext::CERTIFICATE_AUTHORITIES, vector16(&vector16(b"name")))
                .with(ext::POST_HANDSHAKE_AUTH, vec![])
                .with(ext::SIGNATURE_ALGORITHMS_CERT, vector16(&u16s(&[0x0401])))
                .with(ext::KEY_SHARE, vector16(&[u16s(&[0x2a2a, 1]), vec![0], u16s(&[29, 2]), vec![8, 9]].concat()))
                .with(ext::TICKET_REQUEST, vec![1, 1])
                .with(ext::ENCRYPTED_CLIENT_HELLO, [vec![0, 0, 1, 0, 1, 9], vector16(b""), vector16(b"x")].concat())
                .with(ext::ECH_OUTER_EXTENSIONS, vector8(&u16s(&[51])))
                .with(ext::RENEGOTIATION_INFO, vector8(&[]))
                .with(0x5a5a, vec![1])
                .with(ext::PRE_SHARED_KEY, [vector16(&identity), vector16(&binder)].concat())
        }
    }

    /// The same with this extension, in the place of one of its type or as the last.
    pub(in crate::client_hello) fn with(mut self, extension_type: u16, contents: Vec<u8>) -> Self {
        let extensions = self.extensions.get_or_insert_default();
        match extensions.iter_mut().find(|(found, _)| *found == extension_type) {
            Some((_, old)) => *old = contents,
            None => extensions.push((extension_type, contents)),
        }
        self
    }

    pub(super) fn without(mut self, extension_type: u16) -> Self {
        self.extensions.as_mut().unwrap().retain(|(found, _)| *found != extension_type);
        self
    }

    pub(in crate::client_hello) fn bytes(&self) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([0xab; 32]);
        body.extend(vector8(&self.session_id));
        body.extend(vector16(&self.cipher_suites));
        body.extend(vector8(&self.compression_methods));
        if let Some(extensions) = &self.extensions {
            let list: Vec<u8> =
                extensions.iter().flat_map(|(kind, contents)| [u16s(&[*kind]), vector16(contents)].concat()).collect();
            body.extend(vector16(&list));
        }
        body.extend(&self.trailer);
        message(&body)
    }

    pub(in crate::client_hello) fn read(&self) -> Result<ClientHello, Unreadable> {
        ClientHello::read(self.bytes())
    }

    pub(super) fn alert(&self) -> Alert {
        self.read().unwrap_err().alert
    }
}

pub(in crate::client_hello) fn message(body: &[u8]) -> Vec<u8> {
    let [0, len @ ..] = u32::try_from(body.len()).unwrap().to_be_bytes() else { panic!("too long") };
    [&[1], &len[..], body].concat()
}
