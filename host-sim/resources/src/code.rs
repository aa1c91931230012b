//! The codes of all findings, of every crate: one list, so that a code has one meaning.
//!
//! A finding can have no other code. What each one means, with examples, is in `fingerpost-rules`, which makes
//! `docs/rules` and what `fingerpost rule` prints. When a finding is made, its author decides.

use std::fmt;
use std::str::FromStr;

macro_rules! codes {
    ($($variant:ident = $text:literal,)*) => {
        /// What kind of finding this is: a stable name in kebab case, such as `unknown-field`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each code has a page in docs/rules")]
        pub enum Code {
            $($variant,)*
        }

        impl Code {
            /// Every code, in the order of the alphabet.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The code as users write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    AfterDocument = "after-document",
    AlteredKey = "altered-key",
    AutoPassthrough = "auto-passthrough",
    BadAddress = "bad-address",
    BadAnnotation = "bad-annotation",
    BadCertificate = "bad-certificate",
    BadCredential = "bad-credential",
    BadDuration = "bad-duration",
    BadExport = "bad-export",
    BadGateway = "bad-gateway",
    BadHeader = "bad-header",
    BadHost = "bad-host",
    BadLabel = "bad-label",
    BadLocality = "bad-locality",
    BadName = "bad-name",
    BadPort = "bad-port",
    BadPrefix = "bad-prefix",
    BadProtocol = "bad-protocol",
    BadRegex = "bad-regex",
    BadSelector = "bad-selector",
    BadValue = "bad-value",
    BadWeights = "bad-weights",
    BesideSeparator = "beside-separator",
    CertificateExpired = "certificate-expired",
    CertificateHost = "certificate-host",
    CertificateNotFound = "certificate-not-found",
    ClosedConnections = "closed-connections",
    Conflict = "conflict",
    CorsOrigin = "cors-origin",
    CorsPreflight = "cors-preflight",
    DelegateConflict = "delegate-conflict",
    DelegateImplied = "delegate-implied",
    DelegateNotFound = "delegate-not-found",
    DelegateNotNamed = "delegate-not-named",
    Deprecated = "deprecated",
    DoubleSlash = "double-slash",
    DoubleTls = "double-tls",
    Duplicate = "duplicate",
    DuplicateKey = "duplicate-key",
    EmptySelector = "empty-selector",
    EnvoyRefuses = "envoy-refuses",
    ExpectsNothing = "expects-nothing",
    Fault = "fault",
    GatewayLeftOut = "gateway-left-out",
    GatewayNotFound = "gateway-not-found",
    GatewayNotNamed = "gateway-not-named",
    GatewayNotSelected = "gateway-not-selected",
    GrpcOverHttp1 = "grpc-over-http1",
    HashAcrossDestinations = "hash-across-destinations",
    HostImplied = "host-implied",
    HostNotInGateway = "host-not-in-gateway",
    InsideASegment = "inside-a-segment",
    KindNotRead = "kind-not-read",
    LeftOut = "left-out",
    LegacyGateway = "legacy-gateway",
    LiteralPattern = "literal-pattern",
    MatchWithoutServer = "match-without-server",
    MeshConfigNotRead = "mesh-config-not-read",
    MethodCase = "method-case",
    MissingField = "missing-field",
    NoAddress = "no-address",
    NoClaims = "no-claims",
    NoCluster = "no-cluster",
    NoEffect = "no-effect",
    NoEndpoints = "no-endpoints",
    NoGateway = "no-gateway",
    NoKind = "no-kind",
    NoLeadingSlash = "no-leading-slash",
    NoMeshCertificates = "no-mesh-certificates",
    NoName = "no-name",
    NoRequest = "no-request",
    NoRoomToReload = "no-room-to-reload",
    NoTests = "no-tests",
    NoWeight = "no-weight",
    NodePort = "node-port",
    NotAnObject = "not-an-object",
    NotEnforced = "not-enforced",
    NotExported = "not-exported",
    NotHonoured = "not-honoured",
    NotNot = "not-not",
    NotSelected = "not-selected",
    NotUtf8 = "not-utf-8",
    NumberForName = "number-for-name",
    OddSubstitution = "odd-substitution",
    OneOf = "one-of",
    OnlyForSidecars = "only-for-sidecars",
    OriginNotAllowed = "origin-not-allowed",
    OutOfRange = "out-of-range",
    PatternRefused = "pattern-refused",
    PlainTextToTlsPort = "plain-text-to-tls-port",
    PlainTextUpstream = "plain-text-upstream",
    PolicyLeftOut = "policy-left-out",
    PolicyOfOthers = "policy-of-others",
    PortNotServed = "port-not-served",
    QuotedNumber = "quoted-number",
    RedirectAuthority = "redirect-authority",
    RedirectLoop = "redirect-loop",
    RegexAsGlob = "regex-as-glob",
    RegexDelimiters = "regex-delimiters",
    RepeatedResource = "repeated-resource",
    RequestHostAsServerName = "request-host-as-server-name",
    ReservedHeader = "reserved-header",
    RetriesCutOff = "retries-cut-off",
    RewriteGroup = "rewrite-group",
    RewriteJoinsSegments = "rewrite-joins-segments",
    RulesWithoutServer = "rules-without-server",
    ServerDropped = "server-dropped",
    ServerNameOutsideGateway = "server-name-outside-gateway",
    ServerSpeaksFirst = "server-speaks-first",
    ServerWithoutRoute = "server-without-route",
    SeveralDocuments = "several-documents",
    Shadowed = "shadowed",
    ShadowedServiceEntry = "shadowed-service-entry",
    SharedCertificate = "shared-certificate",
    ShortHost = "short-host",
    SnakeCaseField = "snake-case-field",
    StapleLeftOut = "staple-left-out",
    SubsetByDns = "subset-by-dns",
    SubsetWithoutWorkload = "subset-without-workload",
    Syntax = "syntax",
    TestFile = "test-file",
    TlsToPlainTextPort = "tls-to-plain-text-port",
    TlsVersions = "tls-versions",
    TooLong = "too-long",
    TooMany = "too-many",
    UdpServer = "udp-server",
    UnknownCipher = "unknown-cipher",
    UnknownCluster = "unknown-cluster",
    UnknownDestination = "unknown-destination",
    UnknownEnvoy = "unknown-envoy",
    UnknownField = "unknown-field",
    UnknownHost = "unknown-host",
    UnknownKind = "unknown-kind",
    UnknownLocality = "unknown-locality",
    UnknownPort = "unknown-port",
    UnknownRule = "unknown-rule",
    UnknownSubset = "unknown-subset",
    UnknownValue = "unknown-value",
    UnknownVersion = "unknown-version",
    UnknownVirtualHost = "unknown-virtual-host",
    UnreachableMatch = "unreachable-match",
    UnreachableRule = "unreachable-rule",
    Unsupported = "unsupported",
    UntrustedProto = "untrusted-proto",
    UnusedDestinationRule = "unused-destination-rule",
    UnusedObject = "unused-object",
    UpstreamNameUnchecked = "upstream-name-unchecked",
    WebsocketOverHttp2 = "websocket-over-http2",
    WrongHeader = "wrong-header",
    WrongLabels = "wrong-labels",
    WrongRegex = "wrong-regex",
    WrongRule = "wrong-rule",
    WrongType = "wrong-type",
    WrongUrl = "wrong-url",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No finding has the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCode;

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let known = Self::ALL.iter().find(|it| it.as_str() == text);
        known.copied().ok_or(UnknownCode)
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_in_the_order_of_the_alphabet_and_none_is_there_twice() {
        assert!(Code::ALL.is_sorted_by(|a, b| a.as_str() < b.as_str()));
    }
}
