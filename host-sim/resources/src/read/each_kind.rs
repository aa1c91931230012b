//! The list of all kinds that are read, for code that does the same with each.

/// Evaluates an expression for the list of each kind of `Resources`.
macro_rules! each_kind {
    ($resources:expr, |$list:ident| $body:expr) => {
        each_kind!(@ $resources, $list, $body,
            gateways virtual_services destination_rules service_entries workload_entries
            services pods endpoint_slices endpoints secrets)
    };
    (@ $resources:expr, $list:ident, $body:expr, $($kind:ident)*) => {{
        let $crate::read::Resources {
            $($kind,)*
            unreadable_secrets: _, // an error wherever one is needed
            pod_templates: _,      // a warning at most
            nodes: _,              // nothing in them can be wrong
            unenforced: _,
            mesh_settings: _,         // their content is not read
            unread_routes: _,
            other_routes: _,
            others: _,
            without_namespace: _,
            sources: _,
        } = $resources;
        $({
            let $list = $kind;
            $body;
        })*
    }};
}

pub(super) use each_kind;
