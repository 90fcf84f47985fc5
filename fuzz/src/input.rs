// What the targets of all crates share. Each crate takes this file into its module `fuzz`.

/// A name, and what is done with an input: it panics if a promise is broken, and returns whatever the input is.
pub type Target = (&'static str, fn(&[u8]));

/// An input that is taken apart from its front. Behind its end there are zeros.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a>(&'a [u8]);

#[allow(dead_code, reason = "each crate takes what it needs")]
impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(crate) fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn long(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number below this one, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let number = if end > 256 {
            usize::from(self.short())
        } else {
            usize::from(self.byte())
        };
        number % end
    }

    /// Up to two hours, mostly little.
    pub(crate) fn time(&mut self) -> std::time::Duration {
        let number = u64::from(self.byte());
        std::time::Duration::from_millis((number & 15) << (number >> 4))
    }

    /// So many bytes, as far as they are there.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Some bytes, whose number stands before them.
    pub(crate) fn some(&mut self) -> &'a [u8] {
        let len = self.byte();
        self.take(len.into())
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.some()).into_owned()
    }
}
