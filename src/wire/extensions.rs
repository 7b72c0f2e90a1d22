//! Lists of extensions.

use super::Reader;
use std::collections::BTreeSet;

/// What is wrong with a list.
pub(crate) enum BadExtensions {
    CutShort,
    /// RFC 8446 section 4.2: one type occurs once.
    ListedTwice,
}

/// The types and contents of a list's extensions, up to the first fault.
pub(crate) struct Extensions<'a> {
    rest: Reader<'a>,
    seen: BTreeSet<u16>,
}

impl<'a> Extensions<'a> {
    pub(crate) fn new(list: Reader<'a>) -> Self {
        Self { rest: list, seen: BTreeSet::new() }
    }

    pub(crate) fn next(&mut self) -> Result<Option<(u16, Reader<'a>)>, BadExtensions> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (extension_type, contents) = extension(&mut self.rest).ok_or(BadExtensions::CutShort)?;
        self.seen.insert(extension_type).then_some(Some((extension_type, contents))).ok_or(BadExtensions::ListedTwice)
    }

    /// Whether the last one was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

/// The type and the contents of the extension at the front of `list`.
pub(crate) fn extension<'a>(list: &mut Reader<'a>) -> Option<(u16, Reader<'a>)> {
    Some((list.u16()?, list.vector16(0)?))
}
