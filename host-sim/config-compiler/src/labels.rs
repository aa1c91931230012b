//! Labels of the proxy as a command line or a file has them: `istio=ingressgateway,app=gateway`.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Labels, parsed from `key=value` pairs with commas between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels(pub BTreeMap<String, String>);

impl FromStr for Labels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut labels = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let (key, value) = part
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| format!("invalid label `{part}`: expected key=value, such as app=gateway"))?;
            let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
            if !is_name(name) || !(value.is_empty() || is_name(value)) {
                return Err(format!(
                    "invalid label `{part}`: expected letters, digits, and between them `-`, `_` and `.`"
                ));
            }
            if labels.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(format!("label `{key}` is given twice"));
            }
        }
        Ok(Self(labels))
    }
}

/// Whether Kubernetes takes it as the value of a label, or as its key behind the prefix.
fn is_name(text: &str) -> bool {
    let is_end = |it: Option<&u8>| it.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes
            .iter()
            .all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(it))
}
