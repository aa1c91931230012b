//! Resources with errors, as a cluster never has them: Istio's webhook refuses them one by one.

use std::collections::BTreeSet;

use super::{Resources, UnreadableSecret};
use crate::diagnostic::{Diagnostics, Severity};
use crate::resource::Resource;

impl Resources {
    /// Removes the resources that the errors are about, and names them, such as `VirtualService prod/shop`.
    ///
    /// An error may be about no resource, such as one in the syntax. What it is about was not read then, and it is not known
    /// what is lost: `None`, unless `may_be_read_in_part` is true of the file, whose name is returned as
    /// `part of shop.yaml`.
    pub fn remove_invalid(
        &mut self,
        diagnostics: &Diagnostics,
        may_be_read_in_part: impl Fn(&str) -> bool,
    ) -> Option<BTreeSet<String>> {
        let errors = diagnostics.iter().filter(|it| it.severity == Severity::Error);
        let mut invalid = BTreeSet::new();
        let mut parts = BTreeSet::new();
        for error in errors {
            let file = error.span.as_ref()?.file.to_string();
            if !error.subject.is_empty() {
                invalid.insert((error.subject.clone(), file));
            } else if may_be_read_in_part(&file) {
                parts.insert(format!("part of {file}"));
            } else {
                return None;
            }
        }
        let Self {
            gateways,
            virtual_services,
            destination_rules,
            service_entries,
            workload_entries,
            services,
            pods,
            endpoint_slices,
            endpoints,
            secrets,
            unreadable_secrets,
            unenforced: _, // their content is not read
            unread_routes: _,
            others: _,
            without_namespace: _,
            sources: _,
        } = self;
        remove(gateways, &invalid);
        remove(virtual_services, &invalid);
        remove(destination_rules, &invalid);
        remove(service_entries, &invalid);
        remove(workload_entries, &invalid);
        remove(services, &invalid);
        remove(pods, &invalid);
        remove(endpoint_slices, &invalid);
        remove(endpoints, &invalid);
        remove(secrets, &invalid);
        let is_about = |secret: &UnreadableSecret, (subject, file): &(String, String)| {
            let mut errors = secret.errors.iter();
            errors.any(|it| it.subject == *subject && it.span.as_ref().is_some_and(|it| *it.file == **file))
        };
        unreadable_secrets.retain(|secret| !invalid.iter().any(|it| is_about(secret, it)));
        parts.extend(invalid.into_iter().map(|(subject, _)| subject));
        Some(parts)
    }

    /// How many resources there are, of all kinds.
    pub fn number(&self) -> usize {
        let without_kind = |kind: &str| kind.starts_with('(');
        let others = self.others.iter().filter(|(kind, _)| !without_kind(kind));
        self.gateways.len()
            + self.virtual_services.len()
            + self.destination_rules.len()
            + self.service_entries.len()
            + self.workload_entries.len()
            + self.services.len()
            + self.pods.len()
            + self.endpoint_slices.len()
            + self.endpoints.len()
            + self.secrets.len()
            + self.unreadable_secrets.len()
            + self.unenforced.len()
            + self.unread_routes.len()
            + others.map(|(_, number)| number).sum::<usize>()
    }
}

fn remove<T>(resources: &mut Vec<Resource<T>>, invalid: &BTreeSet<(String, String)>) {
    resources.retain(|it| {
        let name = (it.origin.subject().to_owned(), it.origin.file().to_owned());
        !invalid.contains(&name)
    });
}
