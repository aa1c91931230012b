//! What a file holds that lies in a folder beside resources, before it is read.
//!
//! Folders that people keep resources in hold other YAML too: values and templates of Helm, playbooks, configurations of
//! other tools. Decides which of them to read; which folder they are in, and what is said about them, is the caller's
//! matter.

use crate::document_text::{document_at, has_template_mark};
use crate::source::Source;
use crate::yaml::{Node, Scalar, Value};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// At least one resource, or something that can't be read and names a kind that routing depends on.
    Resources,
    /// A text that has to be rendered by another tool before it is YAML.
    Template,
    /// Resources in a list or map of them, which `kubectl` does not apply.
    Nested,
    /// No resource.
    Other,
}

/// The kinds that routing depends on. A file that can't be read and names one of them is not passed over.
pub(crate) const KINDS: [&str; 10] = [
    "Gateway",
    "VirtualService",
    "DestinationRule",
    "ServiceEntry",
    "WorkloadEntry",
    "Service",
    "Pod",
    "EndpointSlice",
    "Endpoints",
    "Secret",
];

/// What Helm knows inside of `{{ }}`.
const HELM: [&str; 3] = [".Values.", ".Release.", ".Chart."];

/// Whether a source has a VirtualService of Istio, one in a list included.
pub fn has_virtual_service(source: &Source) -> bool {
    has_resource(source, &|api, kind| {
        kind == "VirtualService" && api.starts_with("networking.istio.io/")
    })
}

/// Whether a source has a resource with such an API version and kind, one in a list included.
pub(crate) fn has_resource(source: &Source, is_wanted: &impl Fn(&str, &str) -> bool) -> bool {
    fn is_one(node: &Node, is_wanted: &impl Fn(&str, &str) -> bool) -> bool {
        let text = |key| match node.get(key).map(|it| &it.value) {
            Some(Value::Scalar(Scalar::Text(text))) => text.as_str(),
            _ => "",
        };
        match node.get("items").map(|it| &it.value) {
            Some(Value::List(items)) => items.iter().any(|it| is_one(it, is_wanted)),
            _ => is_wanted(text("apiVersion"), text("kind")),
        }
    }
    let mut roots = source
        .documents()
        .iter()
        .flatten()
        .filter_map(|it| it.root.as_deref());
    roots.any(|it| is_one(it, is_wanted))
}

/// Looks into a source.
pub fn contents(source: &Source) -> Contents {
    let text = source.text.as_str();
    if source.not_utf8.is_some() || u32::try_from(text.len()).is_err() {
        return unreadable(text);
    }
    // Most files beside resources are large and of other tools: they are not parsed.
    let may_be_one = text.contains("apiVersion") || has_template_mark(text) || text.lines().any(names_kind);
    if !may_be_one {
        return Contents::Other;
    }
    let mut contents = Contents::Other;
    for document in source.documents() {
        match document {
            Ok(document) if document.root.as_deref().is_some_and(is_resource) => {
                if document.root.as_deref().is_some_and(|it| is_unrendered(it, text)) {
                    return Contents::Template;
                }
                contents = Contents::Resources;
            }
            Ok(document) => {
                if contents == Contents::Other && document.root.as_deref().is_some_and(holds_resources) {
                    contents = Contents::Nested;
                }
            }
            Err(error) => match unreadable(document_at(text, error.place.start as usize)) {
                Contents::Template => return Contents::Template,
                Contents::Resources => contents = Contents::Resources,
                Contents::Nested | Contents::Other => {}
            },
        }
    }
    contents
}

/// What a text is that can't be read.
fn unreadable(text: &str) -> Contents {
    if has_template_mark(text) {
        Contents::Template
    } else if text.lines().any(names_kind) {
        Contents::Resources
    } else {
        Contents::Other
    }
}

fn names_kind(line: &str) -> bool {
    let line = line
        .trim_start()
        .trim_start_matches("- ")
        .trim_start_matches(['{', '"', '\'']);
    let Some(value) = line.strip_prefix("kind") else {
        return false;
    };
    let value = value.trim_start_matches(['"', '\'']).trim_start();
    let Some(value) = value.strip_prefix(':') else {
        return false;
    };
    let word = value.trim_start().trim_start_matches(['"', '\'']);
    let end = word
        .find(|it: char| !it.is_ascii_alphanumeric())
        .unwrap_or(word.len());
    word.get(..end).is_some_and(|it| KINDS.contains(&it))
}

/// Whether a document is a resource: `kubectl` takes no list at the root.
fn is_resource(root: &Node) -> bool {
    let has = |key| match root.get(key).map(|it| &it.value) {
        Some(Value::Scalar(Scalar::Text(text))) => !text.is_empty(),
        _ => false,
    };
    has("apiVersion") && has("kind")
}

/// Whether a list or map holds resources that routing depends on, and nothing else.
fn holds_resources(root: &Node) -> bool {
    let is_one = |it: &Node| {
        let kind = it.get("kind").map(|it| &it.value);
        is_resource(it)
            && matches!(kind, Some(Value::Scalar(Scalar::Text(kind))) if KINDS.contains(&kind.as_str()))
    };
    match &root.value {
        Value::List(items) => !items.is_empty() && items.iter().all(|it| is_one(it)),
        Value::Map(entries) => !entries.is_empty() && entries.iter().all(|it| is_one(&it.value)),
        Value::Scalar(_) => false,
    }
}

/// Whether a resource is YAML, and a template all the same: its marks are in quotes, inside of texts, or in comments, as
/// those of ytt.
///
/// Istio's kinds have no texts with `{{`. Others can, as annotations for their own tools, so that only what Helm puts
/// in tells.
fn is_unrendered(root: &Node, text_of_file: &str) -> bool {
    let text = |key| match root.get(key).map(|it| &it.value) {
        Some(Value::Scalar(Scalar::Text(text))) => text.as_str(),
        _ => "",
    };
    let (api, kind) = (text("apiVersion"), text("kind"));
    let is_istio = api.starts_with("networking.istio.io/");
    if !is_istio && !KINDS.contains(&kind) {
        return false;
    }
    let is_marked = |text: &str| text.contains("{{") && (is_istio || HELM.iter().any(|it| text.contains(it)));
    text_of_file.contains("#@ ") || has_text(root, &is_marked)
}

fn has_text(node: &Node, is_wanted: &impl Fn(&str) -> bool) -> bool {
    match &node.value {
        Value::Scalar(Scalar::Text(text)) => is_wanted(text),
        Value::Scalar(_) => false,
        Value::List(items) => items.iter().any(|it| has_text(it, is_wanted)),
        Value::Map(entries) => entries
            .iter()
            .any(|it| is_wanted(&it.key) || has_text(&it.value, is_wanted)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: Contents, texts: &[&str]) {
        for text in texts {
            assert_eq!(contents(&Source::new("a.yaml", *text)), expected, "{text}");
        }
    }

    #[test]
    fn a_resource_has_an_api_version_and_a_kind() {
        check(
            Contents::Resources,
            &[
                "apiVersion: v1\nkind: Service\n",
                "a: 1\n---\napiVersion: v1\nkind: ConfigMap\n",
                "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}",
            ],
        );
        check(
            Contents::Other,
            &[
                "",
                "replicas: 2\n",
                "- hosts: all\n",
                "apiVersion: v2\nname: shop\n",
                "kind: Cluster\n",
                "a text\n",
                "a: [\n",
            ],
        );
    }

    #[test]
    fn resources_in_a_list_or_a_map_are_not_applied() {
        check(
            Contents::Nested,
            &[
                "- apiVersion: v1\n  kind: Service\n",
                "{\"a\": {\"apiVersion\": \"v1\", \"kind\": \"Service\"}}",
            ],
        );
        check(
            Contents::Other,
            &[
                "- apiVersion: v1\n  kind: Service\n- a: 1\n",
                "- apiVersion: v1\n  kind: ConfigMap\n",
                "[]",
            ],
        );
    }

    #[test]
    fn a_text_that_is_not_yaml_is_a_template_if_it_has_the_marks_of_one() {
        check(
            Contents::Template,
            &[
                "apiVersion: v1\nkind: Service\nmetadata:\n  {{- include \"x\" . | nindent 2 }}\n",
                "apiVersion: v1\nkind: Service\n---\n{{- if .Values.on }}\na: 1\n{{- end }}\n",
                "{% for it in all %}\nkind: Service\n{% endfor %}\n",
            ],
        );
        // It can be read: the braces belong to a text.
        check(
            Contents::Resources,
            &["apiVersion: v1\nkind: ConfigMap\ndata: {rule: '{{ $labels.pod }}'}\n"],
        );
    }

    #[test]
    fn a_resource_that_routing_depends_on_can_be_a_template_and_yaml() {
        check(
            Contents::Template,
            &[
                "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nspec: {hosts: ['{{ host }}']}\n",
                "apiVersion: v1\nkind: Service\nmetadata: {name: 'a-{{ .Release.Name }}'}\n",
                "#@ load('@ytt:data', 'data')\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n",
                "apiVersion: v1\nkind: Secret\nstringData: {a: '{{ .Values.a | quote }}'}\n",
            ],
        );
        check(
            Contents::Resources,
            &[
                "apiVersion: v1\nkind: Pod\nmetadata: {annotations: {a: '{{ with secret x }}'}}\n",
                "apiVersion: v1\nkind: ConfigMap\ndata: {a: '{{ .Values.a }}'}\n",
            ],
        );
    }

    #[test]
    fn a_text_that_is_not_yaml_is_read_if_it_names_a_kind_that_routing_depends_on() {
        check(
            Contents::Resources,
            &[
                "kind: VirtualService\nspec: [\n",
                "{\"kind\": \"Gateway\", \"spec\": [}",
                "alert: '{{ $labels.pod }}'\n---\nkind: \"Service\"\nspec: [\n",
            ],
        );
        check(
            Contents::Other,
            &["kind: ServiceMonitor\nspec: [\n", "kind: Deployment\nspec: [\n"],
        );
    }
}
