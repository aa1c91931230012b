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
            if labels.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(format!("label `{key}` is given twice"));
            }
        }
        Ok(Self(labels))
    }
}
