//! Says what was probably meant by a field that is not there.

use super::{Decoder, Schema};
use crate::camel_case::camel_case;
use crate::code::Code;
use crate::yaml::Entry;

/// Reports a field that the innermost message does not have.
pub(super) fn unknown_field(entry: &Entry, cx: &mut Decoder<'_>) {
    let Some((schema, _)) = cx.around.last() else {
        return;
    };
    let message = format!("{} has no field `{}`", schema.name, entry.key);
    let old = successor(schema.name, &entry.key);
    let near = if old.is_none() {
        closest_field(&entry.key, schema)
    } else {
        None
    };
    let help = match (old, &near) {
        (Some(new), _) => format!("Istio has removed it: write `{new}`"),
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) => advise(&entry.key, &cx.around),
    };
    if let Some(near) = near {
        // Or else the field that was meant would be reported as missing.
        let length = cx.enter_field(&near);
        cx.unread.push(cx.path.clone());
        cx.leave_field(length);
    }
    let span = entry.key_place.in_file(cx.file);
    let length = cx.enter_field(&entry.key);
    let finding = cx.diagnostics.error(Code::UnknownField, message);
    finding.about(&cx.subject, &cx.path).at(span).help(help);
    cx.leave_field(length);
}

/// What takes the place of a field that Istio had before its version 1.4.
fn successor(message: &str, key: &str) -> Option<&'static str> {
    let new = match (message, key) {
        ("HTTPRoute", "appendHeaders" | "appendRequestHeaders") => "headers: {request: {add: …}}",
        ("HTTPRoute" | "HTTPRouteDestination", "removeRequestHeaders") => "headers: {request: {remove: […]}}",
        ("HTTPRouteDestination", "appendRequestHeaders") => "headers: {request: {add: …}}",
        ("HTTPRoute" | "HTTPRouteDestination", "appendResponseHeaders") => "headers: {response: {add: …}}",
        ("HTTPRoute" | "HTTPRouteDestination", "removeResponseHeaders") => {
            "headers: {response: {remove: […]}}"
        }
        ("Abort", "percent") => "percentage: {value: …}",
        _ => return None,
    };
    Some(new)
}

fn closest_field(key: &str, schema: &Schema) -> Option<String> {
    let names = field_names(schema);
    closest(key, names.iter().map(String::as_str)).map(str::to_owned)
}

/// Where a field belongs that is nothing like one of this message.
fn advise(key: &str, around: &[(&'static Schema, String)]) -> String {
    let Some(((schema, here), parents)) = around.split_last() else {
        return String::new();
    };
    let has = |schema: &Schema| {
        (schema.fields)()
            .iter()
            .any(|it| it.name == key || camel_case(it.name) == key)
    };
    if let Some((parent, path)) = parents.iter().rev().find(|(parent, _)| has(parent)) {
        let inside = here
            .strip_prefix(path.as_str())
            .unwrap_or(here)
            .trim_start_matches('.');
        let inside = inside.split(['.', '[']).next().unwrap_or(inside);
        return format!(
            "`{key}` is a field of {}: write it in `{path}`, beside `{inside}`",
            parent.name
        );
    }
    for field in (schema.fields)() {
        if let Some(child) = (field.schema)().filter(|it| has(it)) {
            let name = camel_case(field.name);
            return format!("`{key}` is a field of {}: write it inside `{name}`", child.name);
        }
    }
    format!("its fields are {}", name_list(&field_names(schema), "and"))
}

fn field_names(schema: &Schema) -> Vec<String> {
    (schema.fields)().iter().map(|it| camel_case(it.name)).collect()
}

/// The name that `written` is probably a slip of.
pub fn closest<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let bare = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let wanted = bare(written);
    let most = match wanted.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    names
        .map(|name| (strsim::osa_distance(&wanted, &bare(name)), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `a`, `b` and `c`.
pub fn name_list(names: &[impl AsRef<str>], word: &str) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{}`", one.as_ref()),
        [most @ .., last] => {
            let most: Vec<_> = most.iter().map(|it| format!("`{}`", it.as_ref())).collect();
            format!("{} {word} `{}`", most.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        let names = ["match", "route", "retries", "perTryTimeout"];
        for (written, want) in [
            ("macth", Some("match")),
            ("matchs", Some("match")),
            ("per_try_timeout", Some("perTryTimeout")),
            ("Route", Some("route")),
            ("retry", None),
            ("timeout", None),
            ("x", None),
        ] {
            assert_eq!(closest(written, names.into_iter()), want, "{written}");
        }
    }
}
