//! Resources with errors, as a cluster never has them: Istio's webhook refuses them one by one.

use std::collections::BTreeSet;

use super::each_kind::each_kind;
use super::{Resources, UnreadableSecret};
use crate::diagnostic::{Diagnostics, Severity};
use crate::resource::Origin;

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
        let is_invalid = |origin: &Origin| {
            let name = (origin.subject().to_owned(), origin.file().to_owned());
            invalid.contains(&name)
        };
        each_kind!(self, |list| list.retain(|it| !is_invalid(&it.origin)));
        let is_about = |secret: &UnreadableSecret, (subject, file): &(String, String)| {
            let mut errors = secret.errors.iter();
            errors.any(|it| it.subject == *subject && it.span.as_ref().is_some_and(|it| *it.file == **file))
        };
        self.unreadable_secrets
            .retain(|secret| !invalid.iter().any(|it| is_about(secret, it)));
        parts.extend(invalid.into_iter().map(|(subject, _)| subject));
        Some(parts)
    }

    /// How many resources there are, of all kinds.
    pub fn number(&self) -> usize {
        let without_kind = |kind: &str| kind.starts_with('(');
        let others = self.others.iter().filter(|(kind, _)| !without_kind(kind));
        let mut number = 0;
        each_kind!(self, |list| number += list.len());
        number
            + self.pod_templates.len()
            + self.unreadable_secrets.len()
            + self.unenforced.len()
            + self.unread_routes.len()
            + self.other_routes.values().sum::<usize>()
            + self.mesh_settings.len()
            + others.map(|(_, number)| number).sum::<usize>()
    }
}
