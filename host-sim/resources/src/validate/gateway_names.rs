//! Names of gateways in a VirtualService: Istio's `validateGatewayNames`.

use super::Checker;
use super::names::{check_fqdn, is_label};
use super::path::Path;
use crate::code::Code;

/// Names of gateways, at the top or in a match.
pub(super) fn check_gateways(names: &[String], path: &Path<'_>, converted: bool, cx: &mut Checker<'_>) {
    for (index, name) in names.iter().enumerate() {
        let path = path.item(index);
        let Some((namespace, gateway)) = name.split_once('/') else {
            if let Err(reason) = check_fqdn(name) {
                cx.error(
                    Code::BadGateway,
                    &path,
                    reason.replace("is not a host", "is not the name of a gateway"),
                );
            } else if let Some((gateway, rest)) = name.split_once('.') {
                let namespace = rest.split('.').next().unwrap_or(rest);
                cx.warn(
                    Code::LegacyGateway,
                    &path,
                    format!("{name:?} is the old form of a gateway's name"),
                )
                .help(format!("write {namespace}/{gateway}"));
            }
            // Istio looks no further than the first name without a slash: validateGatewayNames.
            return;
        };
        if namespace.is_empty() || gateway.is_empty() {
            cx.error(
                Code::BadGateway,
                &path,
                format!("{name:?}: namespace and name can't be empty"),
            )
            .help("write namespace/name, or the name alone for one in this namespace");
        } else if !is_label(namespace) {
            let finding = cx.error(
                Code::BadGateway,
                &path,
                format!("{namespace:?} in {name:?} is not a namespace"),
            );
            if namespace == "." {
                finding.help(format!(
                    "write the name alone, {gateway}, for a gateway in this namespace"
                ));
            }
        } else if !is_label(gateway) && !converted {
            cx.error(
                Code::BadGateway,
                &path,
                format!("{gateway:?} in {name:?} is not the name of a gateway"),
            );
        }
    }
}
