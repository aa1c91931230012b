//! Envoy's log, as far as it says why Envoy did not start or act.

/// What is given to Envoy as `--log-format`, and what [`entries`] reads.
pub(crate) const FORMAT: &str = "%Y-%m-%d %T.%e [%l][%n] %v";

/// How many of the last lines are shown when no line is an error.
const TAIL: usize = 5;

#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    level: &'a str,
    message: String,
}

/// Lines that only say that another line's error has had its consequence.
const CONSEQUENCES: [&str; 5] = [
    "Wasm VM failed Failed to",
    "Plugin configured to fail closed",
    "Unable to create Wasm",
    "listener '",
    "Failed to load Wasm",
];

/// The errors that the log ends with: each once, causes before their consequences, in plain words.
///
/// Empty where the log has none.
pub(crate) fn errors(log: &str) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for entry in entries(log).filter(|it| matches!(it.level, "error" | "critical")) {
        let reason = plain(unwrap_initializing(&entry.message));
        // What a filter itself logs follows its name: `wasm log fingerpost: …`.
        let said_by_filter = reason
            .strip_prefix("wasm log")
            .and_then(|text| text.split_once(": "));
        let reason = said_by_filter
            .map_or(reason.as_str(), |(_, said)| said)
            .to_owned();
        if !reason.is_empty() && !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let is_consequence = |reason: &String| {
        CONSEQUENCES.iter().any(|start| reason.starts_with(start)) || reason.ends_with(" failed to load")
    };
    if reasons.iter().any(|reason| !is_consequence(reason)) {
        reasons.retain(|reason| !is_consequence(reason));
    }
    reasons
}

/// [`errors`], or the last lines where there are none.
pub(crate) fn last_words(log: &str) -> Vec<String> {
    let errors = errors(log);
    if !errors.is_empty() {
        return errors;
    }
    let lines: Vec<_> = log
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(TAIL)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

/// The log with `[private key]` in place of each: Envoy quotes a configuration that breaks a rule of its schema.
///
/// A key without its end takes the rest of the log with it.
pub(crate) fn without_keys(log: &str) -> String {
    let mut shown = String::with_capacity(log.len());
    let mut rest = log;
    while let Some((before, key)) = begin_of_key(rest) {
        shown.push_str(before);
        shown.push_str("[private key]");
        rest = key
            .split_once("-----END ")
            .and_then(|(_, end)| end.split_once("-----"))
            .map_or("", |(_, behind)| behind);
    }
    shown.push_str(rest);
    shown
}

/// The text before the first private key, and the text that follows its first line.
fn begin_of_key(text: &str) -> Option<(&str, &str)> {
    const END_OF_FIRST_LINE: &str = "PRIVATE KEY-----";
    let end = text.find(END_OF_FIRST_LINE)?;
    let before = &text[..end];
    let start = before.rfind("-----BEGIN ").unwrap_or(end);
    Some((&text[..start], &text[end + END_OF_FIRST_LINE.len()..]))
}

/// The log's entries; a line that does not start one continues the one before.
fn entries(log: &str) -> impl Iterator<Item = Entry<'_>> {
    let mut lines = log.lines().peekable();
    std::iter::from_fn(move || {
        let mut entry = loop {
            if let Some(entry) = start_of_entry(lines.next()?) {
                break entry;
            }
        };
        while let Some(more) = lines.next_if(|line| start_of_entry(line).is_none()) {
            entry.message.push(' ');
            entry.message.push_str(more);
        }
        Some(entry)
    })
}

fn start_of_entry(line: &str) -> Option<Entry<'_>> {
    let (time, rest) = line.split_once(" [")?;
    let (level, rest) = rest.split_once("][")?;
    let (_logger, message) = rest.split_once("] ")?;
    let is_time = time.starts_with(|c: char| c.is_ascii_digit()) && time.contains(':');
    is_time.then(|| Entry {
        level,
        message: message.to_owned(),
    })
}

/// Takes ``error `…` initializing config 'file'`` and `error initializing configuration 'file': …` off.
///
/// The former's file name may be followed by the message once more, as the uncaught exception's own line.
fn unwrap_initializing(message: &str) -> &str {
    if let Some(inner) = message.strip_prefix("error `")
        && let Some((reason, _)) = inner.split_once("` initializing config")
    {
        return reason;
    }
    if let Some(inner) = message.strip_prefix("error initializing configuration '")
        && let Some((_, reason)) = inner.split_once("': ")
    {
        return reason;
    }
    message
}

/// One line, without the wrapping of protobuf's JSON errors:
/// `… @ static_resources.listeners[0].…: message …, near 1:383 (offset 382): no such field: 'x') has unknown fields`.
fn plain(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let json_error = line.split_once("invalid JSON in ").and_then(|(_, rest)| {
        let (place, rest) = rest.split_once(" @ ")?.1.split_once(": ")?;
        let (_, what) = rest.split_once("): ")?;
        let what = what
            .strip_suffix(" has unknown fields")
            .and_then(|it| it.strip_suffix(')'))
            .unwrap_or(what);
        Some(format!("{}: {what}", place.replace(".<any>", "")))
    });
    json_error.unwrap_or(line)
}

/// The address and the reason in `cannot bind '127.0.0.1:8080': Address already in use`.
pub(crate) fn cannot_bind(reason: &str) -> Option<(String, String)> {
    let (_, rest) = reason.split_once("cannot bind '")?;
    let (address, why) = rest.split_once("': ")?;
    Some((address.to_owned(), why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(log: &str, expected: &[&str]) {
        assert_eq!(errors(log), expected);
    }

    #[test]
    fn a_busy_port_is_told_once() {
        check(
            "2026-11-21 09:05:24.322 [error][config] listener 'l' failed to bind or apply socket options: cannot bind '127.0.0.1:80': Address already in use\n\
             2026-11-21 09:05:24.322 [critical][main] error `cannot bind '127.0.0.1:80': Address already in use` initializing config 'goo.gle/debugproto    \n  \
             ok.json'\ncannot bind '127.0.0.1:80': Address already in use\n",
            &["cannot bind '127.0.0.1:80': Address already in use"],
        );
    }

    #[test]
    fn an_unknown_field_is_told_with_its_place() {
        check(
            "2026-11-21 09:05:24.357 [critical][main] error `Protobuf message (type envoy.config.bootstrap.v3.Bootstrap reason INVALID_ARGUMENT: invalid JSON in  envoy.config.bootstrap.v3.Bootstrap @ static_resources.listeners[0].filter_chains[0].filters[0].typed_config.<any>: message envoy.extensions.X, near  1:383  (offset   382): no such   field:  'stat_prefixx') has unknown fields` initializing config 'goo.gle/debugproto \n unk.json'\nProtobuf message\n",
            &[
                "static_resources.listeners[0].filter_chains[0].filters[0].typed_config: no such field: 'stat_prefixx'",
            ],
        );
    }

    #[test]
    fn validation_says_the_same_as_a_start() {
        check(
            "2026-11-21 09:05:24.392 [critical][main] error initializing configuration 'r.json': missing ): (\n",
            &["missing ): ("],
        );
    }

    #[test]
    fn a_filter_that_refuses_its_config_is_quoted_without_what_follows_from_it() {
        check(
            "2026-11-21 09:05:24.591 [error][wasm] wasm log fingerpost: configuration refused: unknown field `x`\n\
             2026-11-21 09:05:24.591 [error][wasm] Wasm VM failed Failed to configure base Wasm plugin\n\
             2026-11-21 09:05:24.591 [critical][wasm] Plugin  failed to load\n\
             2026-11-21 09:05:24.591 [critical][wasm] Plugin configured to fail closed failed to load\n\
             2026-11-21 09:05:24.591 [critical][main] error `Unable to create Wasm plugin ` initializing config 'goo.gle/debugonly \n  w.json'\nUnable to create Wasm plugin\n",
            &["configuration refused: unknown field `x`"],
        );
    }

    #[test]
    fn warnings_are_not_errors_and_serve_only_as_last_words() {
        let log = "2026-11-21 09:05:24.322 [warning][main] there is no configured limit\n";
        check(log, &[]);
        assert_eq!(last_words(log), [log.trim()]);
    }

    #[test]
    fn no_key_of_the_configuration_is_shown() {
        let log = "2026-11-21 09:05:24.357 [critical][main] error `Proto constraint validation failed: private_key \
                   { inline_string: \"-----BEGIN EC PRIVATE KEY-----\\nMHcCAQ\\n-----END EC PRIVATE KEY-----\\n\" } x: 1` \
                   initializing config 'a.json'\n-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nMIIEv";
        let shown = without_keys(log);
        assert!(!shown.contains("MHcCAQ") && !shown.contains("MIIEv"), "{shown}");
        for kept in [
            "inline_string: \"[private key]\\n\" } x: 1`",
            "-----BEGIN CERTIFICATE-----\n[private key]",
        ] {
            assert!(shown.contains(kept), "{shown}");
        }
    }

    #[test]
    fn the_address_that_cannot_be_bound_is_found() {
        let found = cannot_bind("x: cannot bind '[::]:80': Permission denied");
        assert_eq!(
            found,
            Some(("[::]:80".to_owned(), "Permission denied".to_owned()))
        );
    }
}
