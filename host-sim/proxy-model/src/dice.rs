//! The source of random numbers.

/// Numbers of which any is as likely as any other. An argument, so that a test can name them.
pub trait Dice {
    /// The next number.
    fn roll(&mut self) -> u64;
}

impl<F: FnMut() -> u64> Dice for F {
    fn roll(&mut self) -> u64 {
        self()
    }
}

/// One number for all draws about one request that Envoy bases on its stream: shares and mirrors.
pub(crate) struct StreamRoll<'d> {
    dice: &'d mut dyn Dice,
    rolled: Option<u64>,
}

impl<'d> StreamRoll<'d> {
    pub(crate) fn new(dice: &'d mut dyn Dice) -> Self {
        Self { dice, rolled: None }
    }

    /// The number of this stream.
    pub(crate) fn stable(&mut self) -> u64 {
        *self.rolled.get_or_insert_with(|| self.dice.roll())
    }

    /// A number for one decision.
    pub(crate) fn fresh(&mut self) -> u64 {
        self.dice.roll()
    }
}

/// A part of all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fraction {
    pub(crate) numerator: u64,
    pub(crate) denominator: u64,
}

impl Fraction {
    /// Whether a request is in it. No dice are thrown where there is nothing to decide.
    pub(crate) fn takes(self, roll: impl FnOnce() -> u64) -> bool {
        if self.numerator == 0 {
            return false;
        }
        self.numerator >= self.denominator || roll() % self.denominator < self.numerator
    }
}
