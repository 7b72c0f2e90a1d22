//! Numbers that follow from a seed.

pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        // Neighbouring seeds are far apart, and none is 0, at which a xorshift generator stops.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        super::super::halves::driver::random(&mut self.0)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Once in so many.
    pub(super) fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub(super) fn choice<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A number below `end`, of any magnitude.
    pub(super) fn size(&mut self, end: usize) -> usize {
        let magnitude = 1 + self.below(end.ilog2() as usize + 1);
        self.below((1 << magnitude).min(end))
    }
}
