//! The spelling of fields: Envoy's protos have `default_endpoint`, resources `defaultEndpoint`.

/// `default_endpoint` as it is written: `defaultEndpoint`.
pub(crate) fn camel_case(proto: &str) -> String {
    let mut upper = false;
    let mut name = String::with_capacity(proto.len());
    for letter in proto.chars() {
        if letter == '_' {
            upper = true;
        } else {
            name.push(if upper {
                letter.to_ascii_uppercase()
            } else {
                letter
            });
            upper = false;
        }
    }
    name
}
