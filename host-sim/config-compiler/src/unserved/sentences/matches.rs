//! The sentences about matches and delegates.

use super::quoted;
use crate::delegates::{DelegateConflict, DelegateFault};
use crate::matching::Mismatch;

impl DelegateFault {
    /// What is wrong with the delegate.
    pub fn reason(&self) -> String {
        match self {
            Self::NotFound { delegate } => {
                format!("the input has no VirtualService `{delegate}` to delegate to")
            }
            Self::HasHosts { delegate } => {
                format!("VirtualService `{delegate}` has `hosts`, so no rule can delegate to it")
            }
            Self::NotExported { delegate, namespace } => {
                format!("its delegate `{delegate}` is not exported to namespace `{namespace}` (`exportTo`)")
            }
            Self::Conflict(conflict) => conflict.reason(),
        }
    }

    pub(super) fn help(&self) -> String {
        match self {
            Self::NotFound { .. } => {
                "without `namespace`, a delegate is a VirtualService of the same namespace".to_owned()
            }
            Self::HasHosts { .. } => "remove `hosts` from the delegate".to_owned(),
            Self::NotExported { namespace, .. } => {
                format!("add `{namespace}` or `*` to the `exportTo` of the delegate")
            }
            Self::Conflict(conflict) if conflict.has_regex => {
                "set that condition in one of the two only".to_owned()
            }
            Self::Conflict(conflict) if conflict.field == "uri" => {
                "a delegate's paths are those of the whole request: repeat the root's path in them".to_owned()
            }
            Self::Conflict(_) => {
                "a delegate's match must be a case of the match that delegates to it".to_owned()
            }
        }
    }
}

impl DelegateConflict {
    fn reason(&self) -> String {
        let Self {
            field, root, leaf, ..
        } = self;
        if self.has_regex {
            return format!(
                "its `{field}` ({leaf}) can't be combined with that of the rule that delegates to it ({root}), since one is a regex"
            );
        }
        format!("its `{field}` ({leaf}) is not within that of the rule that delegates to it ({root})")
    }
}

impl Mismatch {
    /// The field of the match.
    pub(in crate::unserved) fn field(&self) -> &'static str {
        match self {
            Self::Port { .. } => "port",
            Self::Gateways { .. } => "gateways",
            Self::SourceLabels { .. } => "sourceLabels",
            Self::SourceNamespace { .. } => "sourceNamespace",
        }
    }

    /// Why the match can not apply.
    pub fn reason(&self) -> String {
        match self {
            Self::Port { wanted, servers } => {
                let ports: Vec<String> = servers.iter().map(u32::to_string).collect();
                format!(
                    "its `port: {wanted}` is compared with the port of the Gateway's server, which is {} here",
                    ports.join(" or ")
                )
            }
            Self::Gateways { wanted, gateway } => {
                format!("its `gateways` name only {}, not `{gateway}`", quoted(wanted))
            }
            Self::SourceLabels { wanted } => format!(
                "`sourceLabels` are compared with the labels of the gateway itself, which has no {wanted}"
            ),
            Self::SourceNamespace { wanted, gateway } => format!(
                "`sourceNamespace: {wanted}` is compared with the namespace of the gateway itself, which is `{gateway}`"
            ),
        }
    }

    pub(super) fn help(&self) -> String {
        match self {
            Self::Port { .. } => {
                "`port` is the port of the Gateway that the client came to, not that of the Service"
                    .to_owned()
            }
            Self::Gateways { .. } => {
                "name the Gateway in `spec.gateways` too, or leave out `gateways` of the match".to_owned()
            }
            Self::SourceLabels { .. } | Self::SourceNamespace { .. } => {
                "a gateway does not know the workloads of its clients: match on a header or on the path"
                    .to_owned()
            }
        }
    }
}
