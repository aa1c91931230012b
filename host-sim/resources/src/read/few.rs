//! A part of the resources, for a question about few of them.

use super::Resources;
use crate::resource::Meta;
use crate::source::Sources;

impl Resources {
    /// A copy that has only those VirtualServices for which `is_wanted` is true, and no texts to show lines of.
    pub fn with_virtual_services(&self, is_wanted: impl Fn(&Meta) -> bool) -> Self {
        let wanted = self.virtual_services.iter().filter(|it| is_wanted(&it.meta));
        Self {
            virtual_services: wanted.cloned().collect(),
            gateways: self.gateways.clone(),
            destination_rules: self.destination_rules.clone(),
            service_entries: self.service_entries.clone(),
            workload_entries: self.workload_entries.clone(),
            services: self.services.clone(),
            pods: self.pods.clone(),
            pod_templates: self.pod_templates.clone(),
            nodes: self.nodes.clone(),
            endpoint_slices: self.endpoint_slices.clone(),
            endpoints: self.endpoints.clone(),
            secrets: self.secrets.clone(),
            unreadable_secrets: self.unreadable_secrets.clone(),
            unenforced: self.unenforced.clone(),
            mesh_settings: self.mesh_settings.clone(),
            unread_routes: self.unread_routes.clone(),
            other_routes: self.other_routes.clone(),
            others: self.others.clone(),
            without_namespace: self.without_namespace,
            sources: Sources::default(),
        }
    }
}
