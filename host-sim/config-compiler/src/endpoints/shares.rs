//! Which share of a cluster's requests each endpoint gets while all of them are healthy.

use std::collections::BTreeMap;

use super::{Endpoint, Endpoints};

impl Endpoints {
    /// The endpoints that are known, each with its share, from 0 to 1. Endpoints of a farther priority have none.
    ///
    /// It is that of many requests: a hash gives each client one endpoint, and LEAST_REQUEST prefers idle ones.
    pub fn shares(&self) -> Vec<(&Endpoint, f64)> {
        let known = match self {
            Self::Known(known) => known.as_slice(),
            Self::Empty(_) | Self::Dns { .. } => &[],
        };
        let first = || known.iter().filter(|it| it.priority == 0);
        let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
        let mut of_localities: BTreeMap<&str, u64> = BTreeMap::new();
        for it in first() {
            *weights.entry(&it.locality).or_default() += u64::from(it.weight);
            if let Some(weight) = it.locality_weight {
                of_localities.insert(&it.locality, weight.into());
            }
        }
        let all: u64 = weights.values().sum();
        let all_localities: u64 = of_localities.values().sum();
        let share = |it: &Endpoint| {
            let weight = u64::from(it.weight);
            match of_localities.get(it.locality.as_str()) {
                _ if it.priority != 0 => 0.0,
                None => part(weight, all),
                Some(locality) => {
                    let own = weights.get(it.locality.as_str()).copied().unwrap_or_default();
                    part(*locality, all_localities) * part(weight, own)
                }
            }
        };
        known.iter().map(|it| (it, share(it))).collect()
    }
}

/// Of nothing, nothing.
#[allow(
    clippy::cast_precision_loss,
    reason = "weights are 32 bits wide, and sums of them are far below 2^53"
)]
fn part(number: u64, of: u64) -> f64 {
    number as f64 / of.max(1) as f64
}
