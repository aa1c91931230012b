//! Which of several destinations takes a request. The dice are an argument, so that a test can name them.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

/// A number from the dice: any of them is as likely as any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roll(pub u64);

impl Roll {
    /// A number below `total`.
    pub fn on(self, total: NonZeroU32) -> u32 {
        // Below `total`, so it fits.
        (self.0 % u64::from(total.get())) as u32
    }
}

/// Names a native route of the proxy by what it does. A clone shares the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DispatchKey(Arc<str>);

impl DispatchKey {
    /// A key. Empty ones would read as none at all.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            None
        } else {
            Some(Self(text.into()))
        }
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A cluster and the native route that leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Envoy's name of the cluster.
    pub cluster: Box<str>,
    /// The native route.
    pub key: DispatchKey,
}

/// Destinations that share the requests of a route.
#[derive(Debug, PartialEq, Eq)]
pub struct Split {
    /// All but the last; each takes what is below its bound and not below the one before.
    shares: Vec<(u32, Destination)>,
    last: Destination,
    total: NonZeroU32,
}

/// Weights by which nothing can be shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidSplit {
    /// No destination.
    Empty,
    /// All weights are 0.
    NoWeight,
    /// The sum does not fit in 32 bits, which is Envoy's limit too.
    TooMuchWeight,
}

impl Split {
    /// Shares by weight. A destination of weight 0 takes nothing, unless it is the only one.
    pub fn new(weighted: Vec<(u32, Destination)>) -> Result<Self, InvalidSplit> {
        // A lone destination takes all traffic whatever its weight: istio route.go, applyHTTPRouteDestination.
        let lone = weighted.len() == 1;
        let mut total: u32 = 0;
        let mut shares = Vec::with_capacity(weighted.len());
        for (weight, destination) in weighted {
            let weight = if lone { 1 } else { weight };
            total = total.checked_add(weight).ok_or(InvalidSplit::TooMuchWeight)?;
            shares.push((weight, total, destination));
        }
        if shares.is_empty() {
            return Err(InvalidSplit::Empty);
        }
        shares.retain(|(weight, _, _)| *weight > 0);
        let (Some((_, _, last)), Some(total)) = (shares.pop(), NonZeroU32::new(total)) else {
            return Err(InvalidSplit::NoWeight);
        };
        let shares = shares
            .into_iter()
            .map(|(_, upper, destination)| (upper, destination))
            .collect();
        Ok(Self { shares, last, total })
    }

    /// The destination, if it is the only one.
    pub fn only(&self) -> Option<&Destination> {
        if self.shares.is_empty() {
            Some(&self.last)
        } else {
            None
        }
    }

    /// The destination that a roll falls on.
    pub fn pick(&self, roll: Roll) -> &Destination {
        let slot = roll.on(self.total);
        match self.shares.iter().find(|(upper, _)| slot < *upper) {
            Some((_, destination)) => destination,
            None => &self.last,
        }
    }

    /// The destinations that take requests, with their weights.
    pub fn destinations(&self) -> impl Iterator<Item = (u32, &Destination)> {
        let bounds = self
            .shares
            .iter()
            .map(|(upper, it)| (*upper, it))
            .chain([(self.total.get(), &self.last)]);
        bounds.scan(0, |lower, (upper, destination)| {
            let weight = upper - core::mem::replace(lower, upper);
            Some((weight, destination))
        })
    }
}

impl fmt::Display for InvalidSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no destination",
            Self::NoWeight => "all weights are 0",
            Self::TooMuchWeight => "the weights add up to more than 4294967295",
        })
    }
}

impl core::error::Error for InvalidSplit {}

#[cfg(test)]
mod tests {
    use super::{Destination, DispatchKey, InvalidSplit, Roll, Split};
    use alloc::vec::Vec;

    fn split(weights: &[u32]) -> Result<Split, InvalidSplit> {
        let names = ["a", "b", "c", "d"];
        let weighted = weights.iter().zip(names).map(|(weight, name)| {
            (
                *weight,
                Destination {
                    cluster: name.into(),
                    key: DispatchKey::parse(name).unwrap(),
                },
            )
        });
        Split::new(weighted.collect())
    }

    #[track_caller]
    fn check(weights: &[u32], expected: &[&str]) {
        let split = split(weights).unwrap();
        let picked: Vec<&str> = (0..expected.len() as u64)
            .map(|it| &*split.pick(Roll(it)).cluster)
            .collect();
        assert_eq!(picked, expected);
    }

    #[test]
    fn each_destination_takes_its_share() {
        check(&[2, 1, 3], &["a", "a", "b", "c", "c", "c", "a"]);
    }

    #[test]
    fn a_weight_of_zero_takes_nothing() {
        check(&[0, 1, 0, 1], &["b", "d", "b"]);
        check(&[1, 0], &["a", "a"]);
    }

    #[test]
    fn a_lone_destination_takes_everything_without_a_roll() {
        assert_eq!(split(&[0]).unwrap().only().map(|it| &*it.cluster), Some("a"));
        assert_eq!(split(&[0, 5]).unwrap().only().map(|it| &*it.cluster), Some("b"));
        assert_eq!(split(&[1, 1]).unwrap().only(), None);
    }

    #[test]
    fn the_weights_can_be_read_back() {
        let weights: Vec<u32> = split(&[2, 0, 3])
            .unwrap()
            .destinations()
            .map(|(weight, _)| weight)
            .collect();
        assert_eq!(weights, [2, 3]);
    }

    #[test]
    fn weights_that_share_nothing_are_refused() {
        assert_eq!(split(&[]).map(|_| ()), Err(InvalidSplit::Empty));
        assert_eq!(split(&[0, 0]).map(|_| ()), Err(InvalidSplit::NoWeight));
        assert_eq!(
            split(&[u32::MAX, 1]).map(|_| ()),
            Err(InvalidSplit::TooMuchWeight)
        );
    }
}
