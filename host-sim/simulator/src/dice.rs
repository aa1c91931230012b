//! Random numbers: the same in every run, from a seed (splitmix64), or all the same.

/// Where random numbers come from. A `u64` is a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dice {
    /// A sequence that begins here.
    Seeded(u64),
    /// Every number is this one.
    Fixed(u64),
}

impl Dice {
    /// The next number.
    pub(crate) fn roll(&mut self) -> u64 {
        let state = match self {
            Self::Fixed(number) => return *number,
            Self::Seeded(state) => state,
        };
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl From<u64> for Dice {
    fn from(seed: u64) -> Self {
        Self::Seeded(seed)
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self::Seeded(0x9e37_79b9_7f4a_7c15)
    }
}
