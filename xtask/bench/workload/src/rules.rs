//! The rules of a table, as data.
//!
//! The mix has the proportions that 1,012 files of 102 public repositories have: of 201 files with conditions 127 use
//! `prefix`, 48 `headers`, 22 `exact` and 4 `regex`; 51 rewrite, 31 retry and 18 have a timeout. Faults are left out:
//! they would measure delays. In these files a host has 1.3 rules, which is what [`Kind::Hosts`] is like; the mix is the
//! large host on which rules are tried one after the other.

use crate::Kind;
use crate::resources::SERVICES;

/// A rule: one condition, one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The host that the rule is for.
    pub host: String,
    /// Which requests it takes.
    pub condition: Condition,
    /// What it does besides choosing the destination.
    pub policy: Policy,
    /// The index of the service that it sends to, below [`SERVICES`].
    pub service: usize,
}

/// Which requests a rule takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of its host.
    Any,
    /// Those with this path.
    Exact(String),
    /// Those whose path begins so.
    Prefix(String),
    /// Those whose path is `/NAME/` and a word, a slash and a number.
    Regex(String),
    /// Those with this value of `x-tenant`.
    Header(String),
}

/// What a rule does besides choosing the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Nothing.
    None,
    /// Replaces the prefix or the path.
    Rewrite,
    /// Retries three times.
    Retries,
    /// Gives up after ten seconds.
    Timeout,
}

/// Files with conditions, of which the mix has the proportions.
const FILES: usize = 201;

/// The rules of a table, in order.
pub fn rules(kind: Kind, count: usize) -> impl Iterator<Item = Rule> {
    (0..count).map(move |index| {
        let (condition, policy) = match kind {
            Kind::Exact => (exact(index), Policy::None),
            Kind::Prefix => (prefix(index), Policy::None),
            Kind::Regex => (Condition::Regex(service_path(index)), Policy::None),
            Kind::Header => (Condition::Header(tenant(index)), Policy::None),
            Kind::Hosts => (Condition::Any, Policy::None),
            Kind::Mix => mixed(index, count - 1 - index),
        };
        Rule {
            host: match kind {
                Kind::Hosts => format!("shop-{index}.example.com"),
                Kind::Exact | Kind::Prefix | Kind::Regex | Kind::Header | Kind::Mix => {
                    "shop.example.com".to_owned()
                }
            },
            condition,
            policy,
            service: index % SERVICES,
        }
    })
}

/// The steps are prime to the number of files, so that every run of so many rules has the exact proportions. They
/// count from the end: the last rule of every table is a prefix without a policy.
fn mixed(index: usize, from_end: usize) -> (Condition, Policy) {
    let condition = match from_end * 79 % FILES {
        0..127 => prefix(index),
        127..175 => Condition::Header(tenant(index)),
        175..197 => exact(index),
        _ => Condition::Regex(service_path(index)),
    };
    let policy = match (FILES - 1 + from_end * 53) % FILES {
        0..51 if !matches!(condition, Condition::Regex(_)) => Policy::Rewrite,
        51..82 => Policy::Retries,
        82..100 => Policy::Timeout,
        _ => Policy::None,
    };
    (condition, policy)
}

fn exact(index: usize) -> Condition {
    Condition::Exact(format!("{}items", service_path(index)))
}

fn prefix(index: usize) -> Condition {
    Condition::Prefix(service_path(index))
}

fn service_path(index: usize) -> String {
    format!("/service-{index}/")
}

fn tenant(index: usize) -> String {
    format!("tenant-{index}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_has_the_proportions_of_real_files() {
        let rules: Vec<Rule> = rules(Kind::Mix, FILES).collect();
        let conditions = |is: fn(&Condition) -> bool| rules.iter().filter(|rule| is(&rule.condition)).count();
        assert_eq!(conditions(|it| matches!(it, Condition::Prefix(_))), 127);
        assert_eq!(conditions(|it| matches!(it, Condition::Header(_))), 48);
        assert_eq!(conditions(|it| matches!(it, Condition::Exact(_))), 22);
        assert_eq!(conditions(|it| matches!(it, Condition::Regex(_))), 4);
        let policies = |policy| rules.iter().filter(|rule| rule.policy == policy).count();
        assert_eq!(policies(Policy::Retries), 31);
        assert_eq!(policies(Policy::Timeout), 18);
        // A rewrite of a regular expression would be another feature.
        assert!((47..=51).contains(&policies(Policy::Rewrite)));
    }

    #[test]
    fn the_last_rule_of_a_mix_is_a_prefix_that_does_nothing_else() {
        for count in [1, 10, 1000] {
            let last = rules(Kind::Mix, count).last().expect("a table has rules");
            assert_eq!(last.condition, prefix(count - 1));
            assert_eq!(last.policy, Policy::None);
        }
    }
}
