//! Which of several domains a host belongs to: of a virtual host, or of a filter chain's server names.
//!
//! An exact domain comes before a suffix (`*.a.test`), a suffix before a prefix (`a.*`), and both before `*`; of two
//! suffixes or prefixes the longer one counts. A star anywhere else is a letter.
//! Source: `findVirtualHost` in Envoy's `source/common/router/config_impl.cc`, and `filter_chain_manager_impl.cc`, where server
//! names have no prefixes.

/// How closely a domain fits a host: the greatest of several counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// `*`.
    Any,
    /// A prefix of so many bytes, and at least one more.
    Prefix(usize),
    /// A suffix of so many bytes, and at least one more.
    Suffix(usize),
    /// The host itself.
    Exact,
}

/// How closely `domain` fits `host`; none if it does not. Both are in lower case, and `host` is without its port.
#[must_use]
pub fn fit(domain: &str, host: &str) -> Option<Fit> {
    if domain == "*" {
        return Some(Fit::Any);
    }
    if let Some(suffix) = domain.strip_prefix('*') {
        let fits = host.len() > suffix.len() && host.ends_with(suffix);
        return fits.then_some(Fit::Suffix(suffix.len()));
    }
    if let Some(prefix) = domain.strip_suffix('*') {
        let fits = host.len() > prefix.len() && host.starts_with(prefix);
        return fits.then_some(Fit::Prefix(prefix.len()));
    }
    (domain == host).then_some(Fit::Exact)
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn the_closest_domain_counts() {
        let domains = ["*", "a.*", "a.test*", "*.test", "*.a.test", "x.a.test", "*x*"];
        for (host, closest) in [
            ("x.a.test", "x.a.test"),
            ("y.a.test", "*.a.test"),
            ("a.test", "*.test"),
            ("a.tests", "a.test*"),
            ("a.", "*"),
            (".a.test", "*.test"),
            ("", "*"),
            ("x", "*"),
            ("ax*", "*x*"),
        ] {
            let fitting = domains
                .iter()
                .filter_map(|domain| Some((fit(domain, host)?, domain)));
            let found = fitting.max().map(|(_, domain)| *domain);
            assert_eq!(found, Some(closest), "{host}");
        }
    }
}
