//! The flags of curl that change a request, as arguments of `explain` and `request`.
//!
//! A pasted line is parsed by the same flags, so that both mean the same. What a flag does is in `build`.

use clap::Args;

use crate::data::DataFlags;

/// A request in curl's flags.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Request, in curl's flags")]
pub struct CurlFlags {
    /// Method, sent as it is written [default: GET; POST with data; HEAD with -I]
    #[arg(
        short = 'X',
        long = "request",
        value_name = "METHOD",
        allow_hyphen_values = true
    )]
    pub(crate) custom_method: Option<String>,

    /// Send HEAD
    #[arg(short = 'I', long = "head")]
    pub(crate) head: bool,

    /// Header, `name: value`. `name;` sends it empty, `name:` sends none. `host` overrides the host of the URL
    #[arg(
        short = 'H',
        long = "header",
        value_name = "HEADER|@FILE",
        allow_hyphen_values = true
    )]
    pub(crate) headers: Vec<String>,

    #[command(flatten)]
    pub(crate) data: DataFlags,

    /// Send the data as the query of the URL, by GET
    #[arg(short = 'G', long = "get")]
    pub(crate) get: bool,

    /// Part of a form that is sent as multipart/form-data
    #[arg(
        short = 'F',
        long = "form",
        value_name = "NAME=VALUE|NAME=@FILE",
        allow_hyphen_values = true,
        hide = true
    )]
    pub(crate) form: Vec<String>,

    /// As --form, but `@` and `<` are not special
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true, hide = true)]
    pub(crate) form_string: Vec<String>,

    /// File to send by PUT
    #[arg(
        short = 'T',
        long,
        value_name = "FILE",
        allow_hyphen_values = true,
        hide = true
    )]
    pub(crate) upload_file: Option<String>,

    /// Data to add to the query of the URL
    #[arg(long, value_name = "NAME=DATA", allow_hyphen_values = true, hide = true)]
    pub(crate) url_query: Vec<String>,

    /// User and password, sent as `authorization: Basic`
    #[arg(short = 'u', long, value_name = "USER:PASSWORD", allow_hyphen_values = true)]
    pub(crate) user: Option<String>,

    /// Token, sent as `authorization: Bearer`
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true, hide = true)]
    pub(crate) oauth2_bearer: Option<String>,

    /// Header `user-agent`
    #[arg(short = 'A', long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) user_agent: Option<String>,

    /// Header `referer`
    #[arg(short = 'e', long, value_name = "URL", allow_hyphen_values = true)]
    pub(crate) referer: Option<String>,

    /// Header `cookie`
    #[arg(
        short = 'b',
        long = "cookie",
        value_name = "NAME=VALUE;…",
        allow_hyphen_values = true
    )]
    pub(crate) cookies: Vec<String>,

    /// Header `range`
    #[arg(
        short = 'r',
        long,
        value_name = "RANGE",
        allow_hyphen_values = true,
        hide = true
    )]
    pub(crate) range: Option<String>,

    /// Header `accept-encoding`
    #[arg(long, hide = true)]
    pub(crate) compressed: bool,

    /// Path to send in place of that of the URL
    #[arg(long, value_name = "PATH", allow_hyphen_values = true, hide = true)]
    pub(crate) request_target: Option<String>,

    /// Follow redirects until they end, repeat or are too many
    #[arg(short = 'L', long = "location", alias = "follow")]
    pub(crate) location: bool,

    /// Follow redirects, and send credentials to other hosts too
    #[arg(long, hide = true)]
    pub(crate) location_trusted: bool,

    /// How many redirects to follow; -1 for any number [default: 50]
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub(crate) max_redirs: Option<i32>,

    /// Stay with POST after 301
    #[arg(long, hide = true)]
    pub(crate) post301: bool,

    /// Stay with POST after 302
    #[arg(long, hide = true)]
    pub(crate) post302: bool,

    /// Stay with POST after 303
    #[arg(long, hide = true)]
    pub(crate) post303: bool,

    /// Connect to another address: its port chooses the listener, if one has it
    #[arg(
        long,
        value_name = "HOST1:PORT1:HOST2:PORT2",
        allow_hyphen_values = true,
        hide = true
    )]
    pub(crate) connect_to: Vec<String>,

    /// Addresses of a host: no name is looked up here
    #[arg(
        long,
        value_name = "HOST:PORT:ADDRESS",
        allow_hyphen_values = true,
        hide = true
    )]
    pub(crate) resolve: Vec<String>,

    #[command(flatten)]
    pub(crate) no_effect: WithoutEffect,
}

/// Flags that are typed out of habit. How curl prints, and whether it trusts a certificate, changes no request.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WithoutEffect {
    #[arg(short = 'k', long, hide = true)]
    insecure: bool,
    #[arg(short = 's', long, hide = true)]
    silent: bool,
    #[arg(short = 'S', long, hide = true)]
    show_error: bool,
    #[arg(short = 'v', long, hide = true)]
    verbose: bool,
    #[arg(short = 'i', long, alias = "show-headers", hide = true)]
    include: bool,
    #[arg(
        short = 'o',
        long,
        value_name = "FILE",
        allow_hyphen_values = true,
        hide = true
    )]
    output: Vec<String>,
    #[arg(short = 'O', long, hide = true)]
    remote_name: bool,
    #[arg(
        short = 'w',
        long,
        value_name = "FORMAT",
        allow_hyphen_values = true,
        hide = true
    )]
    write_out: Option<String>,
    #[arg(short = '#', long, hide = true)]
    progress_bar: bool,
    #[arg(long, alias = "no-progress-meter", hide = true)]
    progress_meter: bool,
    #[arg(short = 'g', long, hide = true)]
    globoff: bool,
    #[arg(long, hide = true)]
    path_as_is: bool,
    #[arg(long, hide = true)]
    fail_with_body: bool,
}

impl WithoutEffect {
    /// Whether an answer would be written to a file.
    pub(crate) fn writes_a_file(&self) -> bool {
        self.remote_name || self.output.iter().any(|it| it != "/dev/null" && it != "-")
    }
}

impl CurlFlags {
    /// Adds what `other` has. Where both give one value, that of `other` counts, as the later one does in one line.
    pub fn merge(&mut self, other: Self) {
        self.custom_method = other.custom_method.or(self.custom_method.take());
        self.head |= other.head;
        self.headers.extend(other.headers);
        self.data.extend(other.data);
        self.get |= other.get;
        self.form.extend(other.form);
        self.form_string.extend(other.form_string);
        self.upload_file = other.upload_file.or(self.upload_file.take());
        self.url_query.extend(other.url_query);
        self.user = other.user.or(self.user.take());
        self.oauth2_bearer = other.oauth2_bearer.or(self.oauth2_bearer.take());
        self.user_agent = other.user_agent.or(self.user_agent.take());
        self.referer = other.referer.or(self.referer.take());
        self.cookies.extend(other.cookies);
        self.range = other.range.or(self.range.take());
        self.compressed |= other.compressed;
        self.request_target = other.request_target.or(self.request_target.take());
        self.location |= other.location;
        self.location_trusted |= other.location_trusted;
        self.max_redirs = other.max_redirs.or(self.max_redirs);
        self.post301 |= other.post301;
        self.post302 |= other.post302;
        self.post303 |= other.post303;
        self.connect_to.extend(other.connect_to);
        self.resolve.extend(other.resolve);
        self.no_effect.remote_name |= other.no_effect.remote_name;
        self.no_effect.output.extend(other.no_effect.output);
    }
}
