//! Reading TLS's structures (RFC 8446 section 3), with a reader that cannot leave the bytes it was given.

#[cfg(test)]
thread_local! {
    /// How many things were taken.
    pub(crate) static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What is left of a structure. A part that is asked for comes off its front; `None` if it is not wholly there.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Of `rest` in the bytes that the first reader was given.
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn offset(self) -> usize {
        self.offset
    }

    pub(crate) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// What `read` finds, if it leaves nothing.
    pub(crate) fn whole<T>(mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        read(&mut self).filter(|_| self.is_empty())
    }

    /// This list, if it is made of whole items.
    pub(crate) fn list_of<T>(self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Self> {
        let mut items = self;
        while !items.is_empty() {
            item(&mut items)?;
        }
        Some(self)
    }

    pub(crate) fn take(&mut self, len: usize) -> Option<Self> {
        #[cfg(test)]
        STEPS.set(STEPS.get() + 1);
        let (front, rest) = self.rest.split_at_checked(len)?;
        let taken = Self { rest: front, offset: self.offset };
        *self = Self { rest, offset: self.offset + len };
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.rest.first_chunk().copied()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A length of three bytes.
    pub(crate) fn u24(&mut self) -> Option<usize> {
        self.array().map(|[high, middle, low]| u32::from_be_bytes([0, high, middle, low]) as usize)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A vector with a length of one byte (RFC 8446 section 3.4), not shorter than `least`.
    pub(crate) fn vector8(&mut self, least: usize) -> Option<Self> {
        let len = self.u8()?;
        self.vector(len.into(), least)
    }

    /// The same with a length of two bytes.
    pub(crate) fn vector16(&mut self, least: usize) -> Option<Self> {
        let len = self.u16()?;
        self.vector(len.into(), least)
    }

    /// The same with a length of three bytes.
    pub(crate) fn vector24(&mut self, least: usize) -> Option<Self> {
        let len = self.u24()?;
        self.vector(len, least)
    }

    fn vector(&mut self, len: usize, least: usize) -> Option<Self> {
        self.take(len).filter(|vector| vector.rest.len() >= least)
    }
}
