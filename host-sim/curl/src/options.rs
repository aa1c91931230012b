//! curl's other flags: those that leave the request as it is, and those that change it in a way that is not supported.
//!
//! The names are those of curl 8.22 (`src/tool_getparam.c`), as `long` or `s long`. Whether a flag has a value must be known even if
//! it is ignored: the next word belongs to it.

use clap::{Arg, ArgAction};

/// How a flag that is not in [`CurlFlags`](crate::CurlFlags) is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The request is the same without it: how curl connects, waits, repeats or prints.
    None,
    /// It would be another request.
    OtherRequest,
}

/// A flag of curl.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OtherFlag {
    pub(crate) long: &'static str,
    short: Option<char>,
    pub(crate) has_value: bool,
    pub(crate) effect: Effect,
}

impl OtherFlag {
    /// As an argument that a line may have any number of times.
    pub(crate) fn arg(self) -> Arg {
        let arg = Arg::new(self.long).long(self.long).short(self.short).hide(true);
        if self.has_value {
            return arg.action(ArgAction::Append).allow_hyphen_values(true);
        }
        arg.action(ArgAction::Count)
    }
}

/// All flags that are not in [`CurlFlags`](crate::CurlFlags).
pub(crate) fn other_flags() -> impl Iterator<Item = OtherFlag> {
    let groups = [
        (Effect::None, false, IGNORED_SWITCHES),
        (Effect::None, true, IGNORED_VALUES),
        (Effect::OtherRequest, false, REFUSED_SWITCHES),
        (Effect::OtherRequest, true, REFUSED_VALUES),
    ];
    groups.into_iter().flat_map(|(effect, has_value, names)| {
        names.iter().map(move |name| {
            let (short, long) = match name.split_once(' ') {
                Some((short, long)) => (short.chars().next(), long),
                None => (None, *name),
            };
            OtherFlag {
                long,
                short,
                has_value,
                effect,
            }
        })
    })
}

#[rustfmt::skip]
const IGNORED_SWITCHES: &[&str] = &[
    "alpn", "basic", "N buffer", "ca-native", "cert-status", "clobber", "compressed-ssh", "create-dirs", "q disable",
    "disable-eprt", "disable-epsv", "disallow-username-in-url", "doh-cert-status", "doh-insecure", "eprt", "epsv",
    "fail-early", "false-start", "ftp-create-dirs", "ftp-pasv", "ftp-pret", "ftp-skip-pasv-ip", "ftp-ssl",
    "ftp-ssl-ccc", "ftp-ssl-control", "ftp-ssl-reqd", "http0.9", "http1.1", "http2", "http2-prior-knowledge", "http3",
    "http3-only", "ignore-content-length", "4 ipv4", "6 ipv6", "j junk-session-cookies", "keepalive",
    "mail-rcpt-allowfails", "metalink", "mptcp", "npn", "out-null", "Z parallel", "parallel-immediate",
    "proxy-anyauth", "proxy-basic", "proxy-ca-native", "proxy-digest", "proxy-http2", "proxy-http3", "proxy-insecure",
    "proxy-negotiate", "proxy-ntlm", "proxy-ssl-allow-beast", "proxy-ssl-auto-client-cert", "proxy-tlsv1",
    "p proxytunnel", "raw", "J remote-header-name", "remote-name-all", "R remote-time", "remove-on-error",
    "retry-all-errors", "retry-connrefused", "sasl-ir", "sessionid", "skip-existing", "socks5-basic", "socks5-gssapi",
    "socks5-gssapi-nec", "ssl", "ssl-allow-beast", "ssl-auto-client-cert", "ssl-no-revoke", "ssl-reqd",
    "ssl-revoke-best-effort", "2 sslv2", "3 sslv3", "styled-output", "suppress-connect-headers", "tcp-fastopen",
    "tcp-nodelay", "tftp-no-options", "tls-earlydata", "1 tlsv1", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3",
    "trace-ids", "trace-time", "xattr",
];

#[rustfmt::skip]
const IGNORED_VALUES: &[&str] = &[
    "abstract-unix-socket", "alt-svc", "cacert", "capath", "E cert", "cert-type", "ciphers", "connect-timeout",
    "c cookie-jar", "create-file-mode", "crlfile", "curves", "delegation", "dns-interface", "dns-ipv4-addr",
    "dns-ipv6-addr", "dns-servers", "doh-url", "D dump-header", "ech", "egd-file", "engine", "etag-save",
    "expect100-timeout", "ftp-account", "ftp-alternative-to-user", "ftp-method", "ftp-ssl-ccc-mode",
    "happy-eyeballs-timeout-ms", "hostpubmd5", "hostpubsha256", "hsts", "interface", "ip-tos", "ipfs-gateway",
    "keepalive-cnt", "keepalive-time", "key", "key-type", "knownhosts", "krb", "krb4", "libcurl", "limit-rate",
    "local-port", "login-options", "mail-auth", "max-filesize", "m max-time", "noproxy", "output-dir", "parallel-max",
    "parallel-max-host", "pass", "pinnedpubkey", "preproxy", "proto", "proto-redir", "x proxy", "proxy-cacert",
    "proxy-capath", "proxy-cert", "proxy-cert-type", "proxy-ciphers", "proxy-crlfile", "proxy-key", "proxy-key-type",
    "proxy-pass", "proxy-pinnedpubkey", "proxy-service-name", "proxy-tls13-ciphers", "proxy-tlsauthtype",
    "proxy-tlspassword", "proxy-tlsuser", "U proxy-user", "proxy1.0", "pubkey", "random-file", "rate", "retry",
    "retry-delay", "retry-max-time", "sasl-authzid", "service-name", "sigalgs", "socks4", "socks4a", "socks5",
    "socks5-gssapi-service", "socks5-hostname", "Y speed-limit", "y speed-time", "ssl-sessions", "stderr",
    "t telnet-option", "tftp-blksize", "tls-max", "tls13-ciphers", "tlsauthtype", "tlspassword", "tlsuser", "trace",
    "trace-ascii", "trace-config", "unix-socket", "upload-flags", "vlan-priority",
];

#[rustfmt::skip]
const REFUSED_SWITCHES: &[&str] = &[
    "anyauth", "a append", "crlf", "digest", "dump-ca-embed", "form-escape", "haproxy-protocol", "h help",
    "0 http1.0", "l list-only", "M manual", "negotiate", "n netrc", "netrc-optional", ": next", "ntlm", "ntlm-wb",
    "tr-encoding", "B use-ascii", "V version",
];

#[rustfmt::skip]
const REFUSED_VALUES: &[&str] = &[
    "aws-sigv4", "K config", "C continue-at", "etag-compare", "P ftp-port", "haproxy-clientip", "httpsig-algo",
    "httpsig-headers", "httpsig-key", "httpsig-keyid", "mail-from", "mail-rcpt", "netrc-file", "proto-default",
    "proxy-header", "Q quote", "z time-cond", "variable",
];
