//! An example of a rule: an input that has the finding, and its fix.
//!
//! What is written here is as short as can be. `wrong` and `fixed` are whole files, as users write them.

/// The three resources that an example is checked with, unless it has one of that kind and name itself.
pub const USUAL: [(&str, &str); 3] = [
    (
        "kind: Gateway\nmetadata: {name: edge}",
        "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
",
    ),
    (
        "kind: VirtualService\nmetadata: {name: shop}",
        "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: web}}]
",
    ),
    (
        "kind: Service\nmetadata: {name: web}",
        "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, name: http}]}
",
    ),
];

/// A test that says nothing about the rules, for examples about resources of which only `test` speaks.
const ANY_TEST: &str = "\
tests:
- {request: GET http://shop.example.com/, expect: {status: 200}}
";

/// An input that has a finding, and one that has not.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The command that reports the finding.
    pub command: Command,
    frame: Frame,
    wrong: &'static str,
    fixed: &'static str,
}

/// The command that reports a finding.
#[derive(Debug, Clone, Copy)]
pub enum Command {
    /// `fingerpost compile`, and every other command that reads resources.
    Compile,
    /// `fingerpost explain` for a request.
    Explain {
        /// The URL of the request.
        url: &'static str,
        /// A header of the request; empty for none.
        header: &'static str,
    },
    /// `fingerpost test`; the example is the test file.
    Test,
    /// `fingerpost test --no-gateway`; the example is the resource.
    TestWithoutGateway,
}

/// What is around the text of an example.
#[derive(Debug, Clone, Copy)]
enum Frame {
    /// Nothing: these are all documents of the input.
    Whole,
    /// Nothing, and the usual resources are beside it.
    Documents,
    /// The head of a VirtualService: the text is its `spec.http`.
    HttpRules,
    /// The head of a resource: the text is its `spec`.
    Spec {
        api: &'static str,
        kind: &'static str,
        name: &'static str,
    },
    /// The head of a Gateway: the text is its `spec.servers`.
    Servers,
    /// A test file.
    TestFile,
}

const NETWORKING: &str = "networking.istio.io/v1";

impl Example {
    /// The file that has the finding.
    pub fn wrong(&self) -> String {
        self.framed(self.wrong)
    }

    /// The same file, repaired.
    pub fn fixed(&self) -> String {
        self.framed(self.fixed)
    }

    /// The resources and the test file that the command reads for a file of this example.
    pub fn inputs(&self, file: &str) -> (String, Option<String>) {
        match self.command {
            Command::Compile | Command::Explain { .. } => (self.with_usual(file), None),
            Command::Test => (self.with_usual(""), Some(file.to_owned())),
            Command::TestWithoutGateway => (self.with_usual(file), Some(ANY_TEST.to_owned())),
        }
    }

    /// Whether the usual resources are left out.
    pub(crate) fn is_whole_input(&self) -> bool {
        matches!(self.frame, Frame::Whole)
    }

    fn framed(&self, text: &str) -> String {
        let head = |api: &str, kind: &str, name: &str| {
            format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n")
        };
        match self.frame {
            Frame::Whole | Frame::Documents | Frame::TestFile => text.to_owned(),
            Frame::Spec { api, kind, name } => head(api, kind, name) + &indented(text),
            Frame::HttpRules => {
                let spec = "hosts: [shop.example.com]\ngateways: [edge]\nhttp:\n";
                head(NETWORKING, "VirtualService", "shop") + &indented(spec) + &indented(text)
            }
            Frame::Servers => {
                let spec = "selector: {istio: ingressgateway}\nservers:\n";
                head(NETWORKING, "Gateway", "edge") + &indented(spec) + &indented(text)
            }
        }
    }

    fn with_usual(&self, file: &str) -> String {
        let mut documents: Vec<&str> = USUAL
            .iter()
            .filter(|(head, _)| !self.is_whole_input() && !file.contains(head))
            .map(|(_, text)| *text)
            .collect();
        documents.push(file);
        // A file may begin with a `---` of its own.
        documents.retain(|it| !it.is_empty());
        let separator = |it: &&str| if it.starts_with("---") { "" } else { "---\n" };
        documents
            .iter()
            .map(|it| format!("{}{it}", separator(it)))
            .collect()
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

const fn compiled(frame: Frame, wrong: &'static str, fixed: &'static str) -> Option<Example> {
    let command = Command::Compile;
    Some(Example {
        command,
        frame,
        wrong,
        fixed,
    })
}

/// Documents that are the whole input.
pub(crate) const fn whole(wrong: &'static str, fixed: &'static str) -> Option<Example> {
    compiled(Frame::Whole, wrong, fixed)
}

/// Documents beside the usual ones.
pub(crate) const fn beside(wrong: &'static str, fixed: &'static str) -> Option<Example> {
    compiled(Frame::Documents, wrong, fixed)
}

/// The `http` rules of a VirtualService.
pub(crate) const fn http(wrong: &'static str, fixed: &'static str) -> Option<Example> {
    compiled(Frame::HttpRules, wrong, fixed)
}

/// The `servers` of a Gateway.
pub(crate) const fn servers(wrong: &'static str, fixed: &'static str) -> Option<Example> {
    compiled(Frame::Servers, wrong, fixed)
}

/// The `spec` of a VirtualService.
pub(crate) const fn virtual_service(wrong: &'static str, fixed: &'static str) -> Option<Example> {
    compiled(spec("VirtualService", "shop"), wrong, fixed)
}

/// The `spec` of a DestinationRule.
pub(crate) const fn destination_rule(wrong: &'static str, fixed: &'static str) -> Option<Example> {
    compiled(spec("DestinationRule", "web"), wrong, fixed)
}

/// The `spec` of a ServiceEntry.
pub(crate) const fn service_entry(wrong: &'static str, fixed: &'static str) -> Option<Example> {
    compiled(spec("ServiceEntry", "db"), wrong, fixed)
}

/// The `http` rules of a VirtualService, for a request with a header, which may be empty.
pub(crate) const fn explain(
    url: &'static str,
    header: &'static str,
    wrong: &'static str,
    fixed: &'static str,
) -> Option<Example> {
    let (command, frame) = (Command::Explain { url, header }, Frame::HttpRules);
    Some(Example {
        command,
        frame,
        wrong,
        fixed,
    })
}

/// Documents beside the usual ones, for another command than `compile`.
pub(crate) const fn asked(command: Command, wrong: &'static str, fixed: &'static str) -> Option<Example> {
    let frame = Frame::Documents;
    Some(Example {
        command,
        frame,
        wrong,
        fixed,
    })
}

/// Test files.
pub(crate) const fn tests(wrong: &'static str, fixed: &'static str) -> Option<Example> {
    let (command, frame) = (Command::Test, Frame::TestFile);
    Some(Example {
        command,
        frame,
        wrong,
        fixed,
    })
}

const fn spec(kind: &'static str, name: &'static str) -> Frame {
    let api = NETWORKING;
    Frame::Spec { api, kind, name }
}
