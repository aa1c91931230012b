//! Names of services as they are shown: without what all services of a cluster share.

use std::sync::{Mutex, PoisonError};

/// None is Istio's default, `cluster.local`.
static DOMAIN: Mutex<Option<String>> = Mutex::new(None);

/// Sets the domain of the cluster for all screens of the process.
pub fn set_domain(domain: &str) {
    *DOMAIN.lock().unwrap_or_else(PoisonError::into_inner) = Some(domain.to_owned());
}

/// A destination without the domain of the cluster: `reviews.default:9080`. The JSON form has all of it. A name in any other
/// domain is shown whole.
pub fn without_domain(destination: &str) -> String {
    let domain = DOMAIN.lock().unwrap_or_else(PoisonError::into_inner);
    shortened(destination, domain.as_deref().unwrap_or("cluster.local"))
}

fn shortened(destination: &str, domain: &str) -> String {
    let is_of_a_name = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
    match destination.split_once(&format!(".svc.{domain}")) {
        Some((service, rest)) if !rest.starts_with(is_of_a_name) => format!("{service}{rest}"),
        _ => destination.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn only_the_domain_of_the_cluster_is_left_out() {
        for (name, domain, shown) in [
            ("a.b.svc.cluster.local:80", "cluster.local", "a.b:80"),
            (
                "a.b.svc.cluster.local:80",
                "corp.example",
                "a.b.svc.cluster.local:80",
            ),
            ("a.b.svc.corp.example:80 50 %", "corp.example", "a.b:80 50 %"),
            (
                "a.b.svc.corp.example.com",
                "corp.example",
                "a.b.svc.corp.example.com",
            ),
            (
                "a.b.svc.cluster.locale",
                "cluster.local",
                "a.b.svc.cluster.locale",
            ),
        ] {
            assert_eq!(shortened(name, domain), shown);
        }
    }
}
