//! A whole curl line, as it is pasted from a terminal, a browser or a document.

use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, Parser};

use crate::error::CurlError;
use crate::flags::CurlFlags;
use crate::options::{Effect, OtherFlag, other_flags};
use crate::shell;

/// A curl line, parsed.
#[derive(Debug, Clone)]
pub struct PastedLine {
    /// Its flags.
    pub flags: CurlFlags,
    /// Its URL, with a scheme.
    pub url: String,
    /// What of it has no effect here, a line each.
    pub notes: Vec<String>,
}

/// The arguments of curl.
#[derive(Debug, Parser)]
#[command(
    name = "curl",
    no_binary_name = true,
    disable_help_flag = true,
    disable_version_flag = true,
    infer_long_args = true,
    args_override_self = true
)]
struct CurlLine {
    #[command(flatten)]
    flags: CurlFlags,

    #[arg(value_name = "URL")]
    urls: Vec<String>,

    #[arg(long = "url", action = ArgAction::Append, allow_hyphen_values = true)]
    more_urls: Vec<String>,

    // Not among the flags that are shared: `fingerpost … -f` names files.
    #[arg(short = 'f', long)]
    fail: bool,
}

impl PastedLine {
    /// Reads a line.
    ///
    /// # Errors
    /// It is not one of curl's, has no URL or several, or a flag that changes the request in a way that is not supported.
    pub fn parse(line: &str) -> Result<Self, CurlError> {
        let shell::Words {
            words,
            rest,
            variables,
        } = shell::split(line)?;
        let matches = command()
            .try_get_matches_from(arguments(&words)?)
            .map_err(|error| in_words(&error))?;
        let parsed = CurlLine::from_arg_matches(&matches).map_err(|error| in_words(&error))?;
        let mut notes = Vec::new();
        let given: Vec<_> = other_flags().filter(|it| is_given(&matches, it.long)).collect();
        if let Some(refused) = given.iter().find(|it| it.effect == Effect::OtherRequest) {
            return Err(CurlError::new(format!(
                "--{} is not supported: it changes the request",
                refused.long
            )));
        }
        if !given.is_empty() {
            let names: Vec<String> = given.iter().map(|it| format!("--{}", it.long)).collect();
            notes.push(format!("no effect on the request: {}", names.join(", ")));
        }
        if !variables.is_empty() {
            notes.push(format!(
                "sent as written, for no shell has replaced it: {}",
                variables.join(", ")
            ));
        }
        if let Some(rest) = rest {
            notes.push(format!("not part of the curl command: {rest}"));
        }
        let mut urls = parsed.urls.into_iter().chain(parsed.more_urls);
        let url = urls
            .next()
            .ok_or_else(|| CurlError::new("the curl command has no URL"))?;
        if let Some(second) = urls.next() {
            return Err(CurlError::new(format!(
                "the curl command has two URLs, {url} and {second}: expected one"
            )));
        }
        let has_scheme =
            url.split(['/', '?']).next().is_some_and(|it| it.ends_with(':')) && url.contains("://");
        Ok(Self {
            flags: parsed.flags,
            // curl's own default.
            url: if has_scheme { url } else { format!("http://{url}") },
            notes,
        })
    }
}

fn command() -> Command {
    CurlLine::command().args(other_flags().map(OtherFlag::arg))
}

/// The words behind `curl`, with or without a prompt before it.
fn arguments(words: &[String]) -> Result<Vec<String>, CurlError> {
    let words = match words.split_first() {
        Some((prompt, rest)) if matches!(prompt.as_str(), "$" | "#" | "%" | ">") => rest,
        Some(_) | None => words,
    };
    let is_curl = |word: &str| {
        let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
        matches!(name, "curl" | "curl.exe")
    };
    match words.split_first() {
        Some((first, rest)) if is_curl(first) => Ok(rest.iter().map(|it| without_no(it)).collect()),
        Some((first, _)) => Err(CurlError::new(format!(
            "expected a line that starts with `curl`, not with `{first}`"
        ))),
        None => Err(CurlError::new("expected a line that starts with `curl`")),
    }
}

/// `--no-buffer` and the like have as little effect as the switch that they turn off.
fn without_no(word: &str) -> String {
    let switch = word.strip_prefix("--no-").unwrap_or_default();
    let mut switches = other_flags().filter(|it| it.effect == Effect::None && !it.has_value);
    if switches.any(|it| it.long == switch) {
        return format!("--{switch}");
    }
    word.to_owned()
}

fn is_given(matches: &ArgMatches, long: &str) -> bool {
    matches.value_source(long) == Some(clap::parser::ValueSource::CommandLine)
}

/// The first line of clap's message, which names the flag.
fn in_words(error: &clap::Error) -> CurlError {
    let message = error.to_string();
    let first = message.lines().next().unwrap_or_default();
    CurlError::new(first.strip_prefix("error: ").unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> PastedLine {
        PastedLine::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn every_flag_of_curl_has_a_place() {
        command().debug_assert();
    }

    #[test]
    fn flags_may_stand_anywhere_and_together() {
        for line in [
            "curl -sSLk -XPOST http://a.example.com/x",
            "$ curl http://a.example.com/x -s -S --location -k -X POST",
            "/usr/bin/curl -vvv -X GET -L --request POST --url http://a.example.com/x",
            "curl --insec --silent -LX POST a.example.com/x",
            "curl -f --no-buffer --no-progress-meter -LXPOST a.example.com/x",
        ] {
            let parsed = parse(line);
            assert_eq!(parsed.url, "http://a.example.com/x", "{line}");
            assert_eq!(parsed.flags.custom_method.as_deref(), Some("POST"), "{line}");
            assert!(parsed.flags.location, "{line}");
        }
    }

    #[test]
    fn values_that_look_like_flags_are_values() {
        let parsed = parse("curl http://a/ -H -x -d --json -A -");
        assert_eq!(parsed.flags.headers, ["-x"]);
        assert_eq!(parsed.flags.user_agent.as_deref(), Some("-"));
    }

    #[test]
    fn what_has_no_effect_is_named_in_one_note() {
        let parsed = parse("curl http://a/ --retry 3 -s --cacert ca.pem -m 5 -x http://proxy --tlsv1.2");
        assert_eq!(
            parsed.notes,
            ["no effect on the request: --tlsv1.2, --cacert, --max-time, --proxy, --retry"]
        );
        assert_eq!(
            parse("curl -sSvik -o out -w '%{http_code}' http://a/").notes,
            [""; 0]
        );
        let parsed = parse("curl http://a/ -H \"authorization: Bearer $TOKEN\" | jq .");
        assert_eq!(parsed.notes.len(), 2, "{:?}", parsed.notes);
    }

    #[test]
    fn what_would_be_another_request_is_an_error() {
        for (line, reason) in [
            (
                "curl http://a/ --aws-sigv4 aws:amz",
                "--aws-sigv4 is not supported",
            ),
            ("curl http://a/ -K curlrc", "--config is not supported"),
            ("curl http://a/ --next http://b/", "--next is not supported"),
            ("curl http://a/ --frobnicate", "--frobnicate"),
            ("curl http://a/ http://b/", "two URLs"),
            ("curl -s", "no URL"),
            ("wget http://a/", "starts with `curl`"),
            ("", "starts with `curl`"),
        ] {
            let error = PastedLine::parse(line).expect_err(line).to_string();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
