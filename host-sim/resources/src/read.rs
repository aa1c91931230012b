//! From sources to resources: which documents there are, of which kind, and what is in them.
//!
//! Istio's kinds are read strictly, Kubernetes' own leniently; kinds that have no say in routing are
//! counted. Whether the values make sense is decided in `validate`.

mod each_kind;
mod few;
mod head;
mod invalid;
mod nodes;
mod not_routed;
mod other_projects;
mod references;
mod repeated;
mod workloads;

use crate::code::Code;
use crate::contents::KINDS;
pub use nodes::KubernetesNode;
use other_projects::OtherRoutes;
use references::References;
pub use workloads::PodTemplate;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::decode::{Decode, Decoder, closest};
use crate::destination_rule::DestinationRule;
use crate::diagnostic::Diagnostics;
use crate::document_text::{document_at, has_template_mark};
use crate::gateway::Gateway;
use crate::kubernetes::{EndpointSlice, Endpoints, Pod, Secret, Service};
use crate::not_routed::{MeshSettings, PolicyKind, Unenforced, UnreadRoute};
use crate::place::Place;
use crate::resource::{Meta, Resource};
use crate::service_entry::{ServiceEntry, WorkloadEntry};
use crate::source::{Source, Sources};
use crate::virtual_service::VirtualService;
use crate::yaml::{Document, Node, Oddity, Scalar, SyntaxError, Value};

/// Everything that was read, in the order in which it is written.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "each field holds the resources of its kind")]
pub struct Resources {
    pub gateways: Vec<Resource<Gateway>>,
    pub virtual_services: Vec<Resource<VirtualService>>,
    pub destination_rules: Vec<Resource<DestinationRule>>,
    pub service_entries: Vec<Resource<ServiceEntry>>,
    pub workload_entries: Vec<Resource<WorkloadEntry>>,
    pub services: Vec<Resource<Service>>,
    pub pods: Vec<Resource<Pod>>,
    /// Of Deployments and their like.
    pub pod_templates: Vec<PodTemplate>,
    /// The machines of a cluster, for where its Pods run.
    pub nodes: Vec<KubernetesNode>,
    pub endpoint_slices: Vec<Resource<EndpointSlice>>,
    pub endpoints: Vec<Resource<Endpoints>>,
    pub secrets: Vec<Resource<Secret>>,
    /// Secrets that can't be read. That is an error only where a server needs one.
    pub unreadable_secrets: Vec<UnreadableSecret>,
    /// Resources that would change what requests do, and that are not acted on here.
    pub unenforced: Vec<Unenforced>,
    /// Settings of the mesh that would change what requests do, and that are not acted on here.
    pub mesh_settings: Vec<MeshSettings>,
    /// Resources of other kinds that route requests in Istio, and that are not read here.
    pub unread_routes: Vec<UnreadRoute>,
    /// How many routes of other projects there are.
    other_routes: OtherRoutes,
    /// How many documents of each other kind there were.
    pub others: BTreeMap<String, usize>,
    /// How many resources name no namespace.
    pub without_namespace: usize,
    /// The texts.
    pub sources: Sources,
}

/// A Secret that can't be read.
#[derive(Debug, Clone)]
pub struct UnreadableSecret {
    /// Its metadata.
    pub meta: Meta,
    /// What is wrong with it.
    pub errors: Diagnostics,
}

const NETWORKING: [&str; 5] = [
    "Gateway",
    "VirtualService",
    "DestinationRule",
    "ServiceEntry",
    "WorkloadEntry",
];
const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha3"];

/// The namespace of resources that name none, if nothing else is said.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Reads all sources. What can't be read is reported and left out.
///
/// Of several resources with one kind, namespace and name the last one counts.
pub fn read(sources: Vec<Source>, diagnostics: &mut Diagnostics) -> Resources {
    read_in(sources, DEFAULT_NAMESPACE, diagnostics)
}

/// As [`read`]; resources that name no namespace are in `namespace`.
pub fn read_in(mut sources: Vec<Source>, namespace: &str, diagnostics: &mut Diagnostics) -> Resources {
    let mut resources = Resources::default();
    let mut read = Vec::new();
    for source in &sources {
        let file = Arc::from(source.name.as_str());
        let mut found = Diagnostics::new();
        let mut reader = Reader::new(&file, namespace, &mut found, &mut resources);
        reader.source(source);
        let objects = reader.objects;
        read.push((file, found, objects));
    }
    let references = References::of(&resources);
    for (file, mut found, objects) in read {
        let mut reader = Reader::new(&file, namespace, &mut found, &mut resources);
        for (kind, object) in &objects {
            reader.kubernetes_object(*kind, object, &references);
        }
        found.sort_by_place();
        diagnostics.extend(found);
    }
    repeated::keep_last(&mut resources, diagnostics);
    sources.iter_mut().for_each(Source::forget_documents);
    resources.sources = Sources::new(sources);
    resources
}

/// The documents of a source that holds no resources.
pub fn trees(source: &Source, diagnostics: &mut Diagnostics) -> Vec<Arc<Node>> {
    let mut resources = Resources::default();
    let file = Arc::from(source.name.as_str());
    let mut reader = Reader::new(&file, DEFAULT_NAMESPACE, diagnostics, &mut resources);
    reader.documents(source)
}

struct Reader<'r> {
    file: &'r Arc<str>,
    /// That of resources that name none.
    namespace: &'r str,
    diagnostics: &'r mut Diagnostics,
    resources: &'r mut Resources,
    /// Kubernetes' own objects. They are read once it is known which of them matter.
    objects: Vec<(KubernetesKind, Arc<Node>)>,
}

/// A kind of Kubernetes' own that routing depends on.
#[derive(Debug, Clone, Copy)]
enum KubernetesKind {
    Service,
    Pod,
    Secret,
    EndpointSlice,
    Endpoints,
}

impl<'r> Reader<'r> {
    fn new(
        file: &'r Arc<str>,
        namespace: &'r str,
        diagnostics: &'r mut Diagnostics,
        resources: &'r mut Resources,
    ) -> Self {
        Self {
            file,
            namespace,
            diagnostics,
            resources,
            objects: Vec::new(),
        }
    }

    fn source(&mut self, source: &Source) {
        for root in self.documents(source) {
            self.object(&root);
        }
    }

    /// The documents that can be read and are not empty. Reports what is odd about them.
    fn documents(&mut self, source: &Source) -> Vec<Arc<Node>> {
        if let Some(bad) = &source.not_utf8 {
            let place = Place::of_bytes(&source.text, bad.offset, bad.offset + 1);
            let message = if bad.is_utf16 {
                "this is UTF-16, and YAML for a cluster is UTF-8".to_owned()
            } else {
                format!(
                    "this is not UTF-8: byte 0x{:02x} at offset {}",
                    bad.byte, bad.offset
                )
            };
            self.diagnostics
                .error(Code::NotUtf8, message)
                .at(place.in_file(self.file))
                .help("save the file as UTF-8");
            return Vec::new();
        }
        if u32::try_from(source.text.len()).is_err() {
            self.diagnostics
                .error(Code::TooLong, format!("{} is longer than 4 GiB", source.name));
            return Vec::new();
        }
        let mut documents = Vec::new();
        for document in source.documents() {
            match document {
                Ok(document) => {
                    self.remark_on(document);
                    // An error says so.
                    if document.beside_separator.is_none() {
                        documents.extend(document.root.clone());
                    }
                }
                Err(error) => self.syntax_error(&source.text, error),
            }
        }
        documents
    }

    fn syntax_error(&mut self, text: &str, error: &SyntaxError) {
        let line = text
            .lines()
            .nth((error.place.line as usize).saturating_sub(1))
            .unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start().len()];
        let finding = self
            .diagnostics
            .error(Code::Syntax, format!("this is not YAML: {}", error.message));
        finding.at(error.place.in_file(self.file));
        if indent.contains('\t') {
            finding.help("YAML takes no tabs for indentation: use spaces");
        } else if error.message.contains("escape") {
            finding.help(
                "in double quotes a backslash is written twice; in single quotes it means itself: '\\1'",
            );
        } else if has_template_mark(document_at(text, error.place.start as usize)) {
            finding.help("this looks like a template: render it first, for example with `helm template`");
        }
    }

    fn remark_on(&mut self, document: &Document) {
        let is_glued = self.missing_separator(document);
        for it in &document.remarks {
            if is_glued && it.path == it.key {
                continue; // the same mistake
            }
            let (code, message, help) = match &it.oddity {
                Oddity::Twice(first) => (
                    Code::DuplicateKey,
                    format!(
                        "`{}` is given twice, first on line {}: the last one counts",
                        it.key, first.line
                    ),
                    "istioctl refuses this: leave one of them out".to_owned(),
                ),
                Oddity::Written(text) => (
                    Code::AlteredKey,
                    format!(
                        "the key {text} is read as {:?}: that is what it means in YAML",
                        it.key
                    ),
                    format!("put it in quotes: {text:?}"),
                ),
            };
            let place = it.place.in_file(self.file);
            self.diagnostics
                .warn(code, message)
                .about("", &it.path)
                .at(place)
                .help(help);
        }
        if let Some(place) = document.after_end {
            self.diagnostics
                .warn(
                    Code::AfterDocument,
                    "the document ends before this line: the rest is ignored, as kubectl ignores it",
                )
                .at(place.in_file(self.file))
                .help("check the indentation, or put a line `---` before the next document");
        }
        if let Some(place) = document.beside_separator {
            self.diagnostics
                .error(
                    Code::BesideSeparator,
                    "kubectl and istioctl can't read a document that begins beside its `---`",
                )
                .at(place.in_file(self.file))
                .help("begin it on the next line");
        }
    }

    /// Whether resources follow each other without a `---`, as `cat a.yaml b.yaml` leaves them. Reports it once.
    fn missing_separator(&mut self, document: &Document) -> bool {
        let again = |key: &str| {
            let remarks = document.remarks.iter();
            let lines = remarks.filter(|it| it.path == key && matches!(it.oddity, Oddity::Twice(_)));
            lines.map(|it| it.place).collect::<Vec<_>>()
        };
        let (versions, kinds) = (again("apiVersion"), again("kind"));
        let (Some(version), Some(kind)) = (versions.first(), kinds.first()) else {
            return false;
        };
        let first = if version.line < kind.line { version } else { kind };
        let lines = if versions.len() < kinds.len() {
            &kinds
        } else {
            &versions
        };
        let lines: Vec<String> = lines.iter().map(|it| it.line.to_string()).collect();
        let where_to = match lines.as_slice() {
            [one] => format!("line {one}"),
            all => format!("each of the lines {}", all.join(", ")),
        };
        self.diagnostics
            .warn(
                Code::DuplicateKey,
                format!(
                    "a `---` is missing before {where_to}: `apiVersion` and `kind` are given again, and of the {} \
                     resources only the last one is read",
                    lines.len() + 1
                ),
            )
            .at(first.in_file(self.file))
            .help("put a line with `---` between two resources");
        true
    }

    fn object(&mut self, object: &Arc<Node>) {
        let Value::Map(_) = &object.value else {
            self.diagnostics
                .error(
                    Code::NotAnObject,
                    // Without its text: it may be a key that was named by mistake.
                    format!("expected a resource, found {}", object.type_name()),
                )
                .at(object.place.in_file(self.file))
                .help("a resource is a map that begins with `apiVersion:` and `kind:`");
            return;
        };
        let text = |key| match object.get(key).map(|it| &it.value) {
            Some(Value::Scalar(Scalar::Text(text))) => text.as_str(),
            _ => "",
        };
        let (api, kind) = (text("apiVersion"), text("kind"));
        let (group, version) = api.rsplit_once('/').unwrap_or(("", api));
        if api.is_empty() || kind.is_empty() {
            let missing = if kind.is_empty() { "kind" } else { "apiVersion" };
            self.diagnostics
                .warn(
                    Code::NoKind,
                    format!("this document has no `{missing}` and is left out"),
                )
                .at(object.place.in_file(self.file))
                .help(
                    "a resource begins like `apiVersion: networking.istio.io/v1` and `kind: VirtualService`",
                );
            return self.count("(no kind)");
        }
        if let (true, Some(Value::List(items))) =
            (kind.ends_with("List"), object.get("items").map(|it| &it.value))
        {
            // The items of a list of one kind, such as NodeList, need not name it.
            let of = kind.trim_end_matches("List");
            let is_read = of.is_empty() || KINDS.contains(&of);
            return items.iter().filter(|it| !it.is_null()).for_each(|it| {
                if is_read || it.get("kind").is_some() {
                    self.object(it);
                } else {
                    self.count(of);
                }
            });
        }
        match (group, version, kind) {
            ("networking.istio.io", version, _)
                if NETWORKING.contains(&kind) && !VERSIONS.contains(&version) =>
            {
                let place = self.place(object, "apiVersion");
                self.diagnostics
                    .warn(
                        Code::UnknownVersion,
                        format!("{kind} has no version {version:?}: it is left out"),
                    )
                    .at(place)
                    .help("write `apiVersion: networking.istio.io/v1`");
                self.count(kind);
            }
            ("networking.istio.io", _, "Gateway") => {
                keep(self.istio(object, kind), &mut self.resources.gateways);
            }
            ("networking.istio.io", _, "VirtualService") => {
                keep(self.istio(object, kind), &mut self.resources.virtual_services);
            }
            ("networking.istio.io", _, "DestinationRule") => {
                keep(self.istio(object, kind), &mut self.resources.destination_rules);
            }
            ("networking.istio.io", _, "ServiceEntry") => {
                keep(self.istio(object, kind), &mut self.resources.service_entries);
            }
            ("networking.istio.io", _, "WorkloadEntry") => {
                keep(self.istio(object, kind), &mut self.resources.workload_entries);
            }
            ("", "v1", "Service") => self.later(KubernetesKind::Service, object),
            ("", "v1", "Pod") => self.later(KubernetesKind::Pod, object),
            ("", "v1", "Secret") => self.later(KubernetesKind::Secret, object),
            ("discovery.k8s.io", "v1", "EndpointSlice") => self.later(KubernetesKind::EndpointSlice, object),
            ("", "v1", "Endpoints") => self.later(KubernetesKind::Endpoints, object),
            ("", "v1", "Node") => self.node(object),
            (group, _, _) if workloads::makes_pods(group, kind) => self.workload(object, kind),
            (group, _, _) if self.is_not_routed(object, group, kind) => {}
            (group, _, _) => match other_projects::project(group, kind) {
                Some(project) => self.other_route(project, kind),
                None => {
                    self.hint_at_kind(object, group, kind);
                    self.count(kind);
                }
            },
        }
    }

    /// A kind in another letter case, or of Istio's kinds in the wrong group, is probably a slip.
    fn hint_at_kind(&mut self, object: &Node, group: &str, kind: &str) {
        let known = NETWORKING
            .into_iter()
            .chain(PolicyKind::ALL.map(PolicyKind::as_str));
        let near = match group {
            "networking.istio.io" | "security.istio.io" => closest(kind, known),
            _ => None,
        };
        if let Some(near) = near {
            let place = self.place(object, "kind");
            self.diagnostics
                .warn(
                    Code::UnknownKind,
                    format!("unknown kind {kind:?} in {group}: skipped"),
                )
                .at(place)
                .help(format!("did you mean {near}?"));
        }
    }

    fn other_route(&mut self, project: String, kind: &str) {
        let known = &mut self.resources.other_routes;
        *known.entry((project, kind.to_owned())).or_default() += 1;
    }

    fn count(&mut self, kind: &str) {
        *self.resources.others.entry(kind.to_owned()).or_default() += 1;
    }

    fn place(&self, object: &Node, path: &str) -> crate::Span {
        object.place_of(path).in_file(self.file)
    }

    fn istio<T: Decode>(&mut self, object: &Arc<Node>, kind: &str) -> Resource<T> {
        let (meta, mut origin, subject) = self.head(object, kind, true);
        let mut to = Decoder::new(self.file, subject, true, self.diagnostics);
        let spec = decode_spec(object.get("spec"), "spec", &mut to);
        origin.unread = to.unread;
        Resource { meta, spec, origin }
    }

    fn later(&mut self, kind: KubernetesKind, object: &Arc<Node>) {
        self.objects.push((kind, Arc::clone(object)));
    }

    fn kubernetes_object(&mut self, kind: KubernetesKind, object: &Arc<Node>, references: &References) {
        match kind {
            KubernetesKind::Service => {
                let read = self.kubernetes(object, "Service", object.get("spec"), |meta| {
                    references.has_service(&meta.name)
                });
                self.resources.services.extend(read);
            }
            KubernetesKind::Pod => {
                let read = self.kubernetes(object, "Pod", Some(object), |meta| references.has_workload(meta));
                self.resources.pods.extend(read);
            }
            KubernetesKind::EndpointSlice => {
                let read = self.kubernetes(object, "EndpointSlice", Some(object), |meta| {
                    let service = meta.labels.get("kubernetes.io/service-name");
                    service.is_some_and(|it| references.has_service(it))
                });
                self.resources.endpoint_slices.extend(read);
            }
            KubernetesKind::Endpoints => {
                let read = self.kubernetes(object, "Endpoints", Some(object), |meta| {
                    references.has_service(&meta.name)
                });
                self.resources.endpoints.extend(read);
            }
            // Its data may be encrypted, or placeholders: it is decoded for those that need it only.
            KubernetesKind::Secret => {
                let (meta, ..) = self.head(object, "Secret", false);
                if !references.has_secret(&meta) {
                    return self.count("Secret");
                }
                let (file, namespace, mut errors) = (self.file, self.namespace, Diagnostics::new());
                let mut reader = Reader::new(file, namespace, &mut errors, self.resources);
                let read = reader.kubernetes(object, "Secret", Some(object), |_| true);
                match read.filter(|_| !errors.has_errors()) {
                    Some(secret) => self.resources.secrets.push(secret),
                    None => self
                        .resources
                        .unreadable_secrets
                        .push(UnreadableSecret { meta, errors }),
                }
            }
        }
    }

    /// Reads an object, or leaves it out where it is wrong and nothing refers to it.
    fn kubernetes<T: Decode>(
        &mut self,
        object: &Arc<Node>,
        kind: &str,
        spec: Option<&Arc<Node>>,
        is_referred_to: impl FnOnce(&Meta) -> bool,
    ) -> Option<Resource<T>> {
        let (meta, origin, subject) = self.head(object, kind, false);
        let mut found = Diagnostics::new();
        let mut to = Decoder::new(self.file, subject, false, &mut found);
        let whole = spec.is_some_and(|it| Arc::ptr_eq(it, object));
        let spec = decode_spec(spec, if whole { "" } else { "spec" }, &mut to);
        if found.has_errors() && !is_referred_to(&meta) {
            let reason = found.iter().map(ToString::to_string).next().unwrap_or_default();
            self.diagnostics
                .warn(
                    Code::UnusedObject,
                    format!("left out, since it is invalid and no route leads to it: {reason}"),
                )
                .on(&origin, "");
            return None;
        }
        self.diagnostics.extend(found);
        Some(Resource { meta, spec, origin })
    }
}

fn decode_spec<T: Decode>(spec: Option<&Arc<Node>>, path: &str, cx: &mut Decoder<'_>) -> T {
    let Some(spec) = spec.filter(|it| !it.is_null()) else {
        return T::default();
    };
    let length = cx.enter_field(path);
    let value = T::decode(spec, cx);
    cx.leave_field(length);
    value
}

fn keep<T>(resource: Resource<T>, kept: &mut Vec<Resource<T>>) {
    kept.push(resource);
}

fn text_of(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(Scalar::Text(text)) => Some(text),
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
    }
}
