//! What a fuzzer has made up, read piece by piece. A piece that is missing is zero, so every input has a meaning.

pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    pub fn bit(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// One of these.
    pub fn choice<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    /// A number up to `most` in one byte: the small ones exactly, larger ones in steps, and `most` itself.
    pub fn len(&mut self, most: usize) -> usize {
        let len = match usize::from(self.byte()) {
            byte @ 0..=127 => byte,
            byte @ 128..=191 => (byte - 128) * 16,
            byte @ 192..=247 => 16_384 - 28 + byte - 192,
            _ => most,
        };
        len.min(most)
    }

    /// As many bytes as a length of one byte says.
    pub fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte());
        self.take(len)
    }

    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (front, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        front
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}
