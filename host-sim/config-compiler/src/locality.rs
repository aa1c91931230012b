//! Where a proxy or an endpoint runs: its region, zone and subzone.
//!
//! Decides how texts name localities, and how far two are from each other. What follows from that is `locality_lb`.
//! Source: istio `pilot/pkg/serviceregistry/util/label/label.go`, `SplitLocalityLabel`;
//! `pilot/pkg/networking/util/util.go`, `LocalityMatch` and `LbPriority`.

use std::fmt;
use std::str::FromStr;

/// The labels that name a region, a zone and a subzone.
pub(crate) const LABELS: [&str; 3] = [REGION, ZONE, SUB_ZONE];
pub(crate) const REGION: &str = "topology.kubernetes.io/region";
pub(crate) const ZONE: &str = "topology.kubernetes.io/zone";
pub(crate) const SUB_ZONE: &str = "topology.istio.io/subzone";

/// A region, a zone in it and a subzone in that. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locality {
    /// Such as `eu-west`.
    pub region: String,
    /// Such as `eu-west-1a`.
    pub zone: String,
    /// Such as a rack.
    pub sub_zone: String,
}

impl Locality {
    /// Reads `region/zone/subzone`, or the first one or two of these, as Istio does: every text is a locality.
    pub(crate) fn of(text: &str) -> Self {
        let mut parts = text.split('/').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        Self {
            region: part(),
            zone: part(),
            sub_zone: part(),
        }
    }

    /// Whether nothing of it is known.
    pub(crate) fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a locality of a DestinationRule means this one: `*` means any part, and so does a part that it leaves out.
    pub(crate) fn is_in(&self, rule: &str) -> bool {
        let rule = Self::of(rule);
        let holds = |part: &str, own: &str| part == "*" || part == own;
        let holds_or_none = |part: &str, own: &str| part.is_empty() || holds(part, own);
        holds(&rule.region, &self.region)
            && holds_or_none(&rule.zone, &self.zone)
            && holds_or_none(&rule.sub_zone, &self.sub_zone)
    }

    /// 0 for the same subzone, 1 for the same zone, 2 for the same region, 3 for another region.
    pub(crate) fn distance(&self, other: &Self) -> u32 {
        if self.region != other.region {
            3
        } else if self.zone != other.zone {
            2
        } else if self.sub_zone != other.sub_zone {
            1
        } else {
            0
        }
    }
}

impl fmt::Display for Locality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = [&self.region, &self.zone, &self.sub_zone]
            .map(String::as_str)
            .join("/");
        f.write_str(text.trim_end_matches('/'))
    }
}

/// The text names no place at which a proxy can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLocality(String);

impl fmt::Display for InvalidLocality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid locality `{}`: expected region/zone/subzone, such as eu-west/eu-west-1a, of letters, digits, `-`, `_` and `.`",
            self.0
        )
    }
}

impl std::error::Error for InvalidLocality {}

impl FromStr for Locality {
    type Err = InvalidLocality;

    /// Reads one to three parts.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        // As in the labels that Kubernetes has for them.
        let is_part = |it: &&str| {
            !it.is_empty()
                && it
                    .bytes()
                    .all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it))
        };
        if parts.len() > 3 || !parts.iter().all(is_part) {
            return Err(InvalidLocality(text.to_owned()));
        }
        Ok(Self::of(text))
    }
}

#[cfg(test)]
mod tests {
    use super::Locality;

    #[test]
    fn a_rule_names_localities_by_their_first_parts_or_a_star() {
        let own = Locality::of("eu/a/rack");
        for rule in ["*", "eu", "eu/*", "eu/a", "eu/a/*", "eu/a/rack"] {
            assert!(own.is_in(rule), "{rule}");
        }
        for rule in ["us", "us/*", "eu/b", "eu/a/other", "", "eu/a/rac"] {
            assert!(!own.is_in(rule), "{rule}");
        }
        assert!(Locality::default().is_in("*"));
        assert!(!Locality::default().is_in("eu/*"));
    }

    #[test]
    fn the_distance_counts_the_parts_that_differ() {
        let own = Locality::of("eu/a/rack");
        for (other, distance) in [
            ("eu/a/rack", 0),
            ("eu/a", 1),
            ("eu/b/rack", 2),
            ("us/a/rack", 3),
            ("", 3),
        ] {
            assert_eq!(own.distance(&Locality::of(other)), distance, "{other}");
        }
        assert_eq!(Locality::default().distance(&Locality::default()), 0);
    }

    #[test]
    fn a_proxy_runs_at_a_place_without_a_wildcard() {
        for text in ["eu", "eu/a", "eu/a/rack"] {
            let locality: Locality = text.parse().expect("a locality");
            assert_eq!(locality.to_string(), text);
        }
        for text in ["", "/", "eu/", "eu//rack", "eu/*", "eu/a/b/c", "eu west"] {
            assert!(text.parse::<Locality>().is_err(), "{text}");
        }
    }
}
