//! The request on the command line of `explain` and `request`: a method, a URL and curl's flags, or a whole line of curl.

use clap::Args;
use fingerpost_curl::{CurlError, CurlFlags, CurlRequest, PastedLine, build, quote};
use fingerpost_input_files::read_named;
use fingerpost_simulated_proxy::{Scheme, ServerName};
use fingerpost_terminal::messages::note;

use crate::args::Input;
use crate::caller::Caller;
use crate::failure::Failure;

/// Methods that are not a host's name by mistake: RFC 9110, section 9, and RFC 5789.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// A request.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// Method [default: GET; POST with data]
    #[arg(value_name = "METHOD", conflicts_with = "custom_method")]
    method: Option<String>,

    /// URL. Its scheme and port choose the listener, unless --port does
    #[arg(
        value_name = "URL",
        required_unless_present = "without_url",
        conflicts_with = "without_url"
    )]
    url: Option<String>,

    /// A whole curl command, as terminals and browsers have it; `-` reads it from standard input
    #[arg(
        long = "curl",
        value_name = "COMMAND|@FILE|-",
        group = "without_url",
        allow_hyphen_values = true,
        help_heading = "Request, in curl's flags"
    )]
    line: Option<String>,

    #[command(flatten)]
    flags: CurlFlags,

    /// Gateway port to send the request to
    #[arg(long, value_name = "PORT", help_heading = "Request, in curl's flags")]
    pub(crate) port: Option<u16>,

    /// Server name of the TLS connection, which chooses the filter chain: as when a browser uses a connection to another
    /// host again. `''` sends none [default: the host of the URL]
    #[arg(long, value_name = "NAME", help_heading = "Request, in curl's flags")]
    sni: Option<String>,
}

impl RequestArgs {
    /// The request; none if it comes from elsewhere. Notes about it are shown.
    pub(crate) fn read(&self, caller: Caller, input: &Input) -> Result<Option<CurlRequest>, Failure> {
        let files = |name: &str| read(name, input);
        let request = if let Some(line) = &self.line {
            let line = match line.strip_prefix('@').or(Some("-").filter(|it| line == it)) {
                Some(file) => String::from_utf8_lossy(&files(file).map_err(refused)?).into_owned(),
                None => line.clone(),
            };
            let mut pasted =
                PastedLine::parse(&line).map_err(|error| Failure::refused(format!("--curl: {error}")))?;
            pasted.flags.merge(self.flags.clone());
            let mut request = build(&pasted.flags, None, &pasted.url, &files).map_err(refused)?;
            request.notes.extend(pasted.notes);
            request
        } else if let Some(url) = &self.url {
            if let Some(reason) = wrong_order(self.method.as_deref(), url, caller, input) {
                return Err(Failure::refused(reason));
            }
            let method = self.method.as_ref().map(|it| it.to_ascii_uppercase());
            build(&self.flags, method.as_deref(), url, &files).map_err(refused)?
        } else {
            return Ok(None);
        };
        if self.sni.is_some() && request.url.scheme != Some(Scheme::Https) {
            return Err(Failure::refused(
                "--sni is the server name of a TLS connection: expected an https:// URL",
            ));
        }
        for text in &request.notes {
            note(text);
        }
        Ok(Some(request))
    }

    /// The server name of the first request.
    pub(crate) fn server_name(&self) -> ServerName {
        ServerName::parse(self.sni.as_deref())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn refused(error: CurlError) -> Failure {
    Failure::refused(error.to_string())
}

/// What a flag names as a file.
fn read(name: &str, input: &Input) -> Result<Vec<u8>, CurlError> {
    if name == "-" && input.files.iter().any(|it| it.as_os_str() == "-") {
        return Err(CurlError::new(
            "standard input is read once: `-f -` reads the resources from it",
        ));
    }
    read_named(name).map_err(|error| CurlError::new(format!("{name}: {error}")))
}

/// What is wrong with arguments that were mixed up, and how they are written.
fn wrong_order(method: Option<&str>, url: &str, caller: Caller, input: &Input) -> Option<String> {
    let is_method = |text: &str| METHODS.iter().any(|it| it.eq_ignore_ascii_case(text));
    let is_url = |text: &str| text.contains(['/', '.', ':']);
    let command = |end: &str| {
        let files = input
            .files
            .iter()
            .map(|it| format!("-f {} ", quote(&it.to_string_lossy())));
        format!("fingerpost {} {}{end}", caller.name(), files.collect::<String>())
    };
    match method {
        None if is_method(url) && !url.contains('.') => Some(format!(
            "{url} is a method, and the URL is missing: {}",
            command(&format!("{url} http://shop.example.com/"))
        )),
        Some(first) if is_method(url) && !is_method(first) => Some(format!(
            "the method comes before the URL: {}",
            command(&format!("{} {}", url.to_ascii_uppercase(), quote(first)))
        )),
        Some(first) if is_url(first) && is_url(url) => Some(format!(
            "two URLs, {first} and {url}: expected one, behind a method if there is one: {}",
            command(&format!("GET {}", quote(first)))
        )),
        Some(first) if is_url(first) => Some(format!(
            "{first} is not a method: {}",
            command(&format!("GET {}", quote(first)))
        )),
        Some(_) | None => None,
    }
}
