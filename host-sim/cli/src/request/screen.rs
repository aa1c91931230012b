//! An outcome as a person reads it: what became of the request, what the upstream receives, what the client gets.

use std::io::{self, Write};

use fingerpost_resources::visible;
use fingerpost_terminal::headers;
use fingerpost_terminal::names::without_domain;
use fingerpost_terminal::prose;
use fingerpost_terminal::style::{BAD, BOLD, DIM, GOOD, NAME, ODD, paint};
use fingerpost_terminal::table;

use super::proxies::Answer;

/// What the echo server says of its body, which is not shown either.
const OF_THE_ECHO: [(&str, &str); 2] = [("content-length", "2"), ("content-type", "text/plain")];

fn as_texts((name, value): &(String, String)) -> (&str, &str) {
    (name, value)
}

/// Prints one outcome.
pub(super) fn show(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let Answer {
        sent,
        outcome,
        proxy,
        assumed,
        why,
        by_chance,
    } = answer;
    let line = format!("{} {}{}", sent.method, sent.host(), sent.path);
    let line = visible(&line);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(skipped) => {
            writeln!(out, "{}  {line}", paint(BAD, "?"))?;
            let reason = format!(
                "this can't be known without an Envoy: {}",
                visible(&skipped.to_string())
            );
            return writeln!(out, "   {}", prose::hanging(&reason, 3, table::width()));
        }
    };
    let colour = if outcome.status < 400 && outcome.error.is_none() {
        GOOD
    } else {
        BAD
    };
    let status = outcome
        .error
        .map_or_else(|| outcome.status.to_string(), |_| "no answer".to_owned());
    writeln!(out, "{}  {line}", paint(colour, &status))?;
    match &outcome.rule {
        Some(rule) => writeln!(out, "     {}", paint(DIM, rule))?,
        None if why.is_empty() && outcome.error.is_none() => writeln!(out, "     {}", paint(DIM, "no rule"))?,
        None => {}
    }
    for line in why {
        writeln!(out, "     {}", wrapped(&visible(line)))?;
    }
    if !by_chance.is_empty() {
        let all: Vec<String> = by_chance.iter().map(|it| without_domain(it)).collect();
        let line = format!(
            "one draw of: {} (all outcomes: `fingerpost explain`)",
            visible(&all.join(", "))
        );
        writeln!(out, "     {}", labelled("one draw of:", &line))?;
    }
    if let Some(labels) = proxy {
        writeln!(out, "     {}", paint(DIM, format_args!("of the proxy {labels}")))?;
    }
    if !assumed.is_empty() {
        let names: Vec<String> = assumed.iter().map(|it| without_domain(&it.to_string())).collect();
        let line = format!("assumed: {}", visible(&names.join(", ")));
        writeln!(out, "     {}", labelled("assumed:", &line))?;
    }
    if let Some(upstream) = &outcome.upstream {
        let cluster = outcome.cluster.as_deref().unwrap_or_default();
        writeln!(out, "\n  {}  {}", paint(BOLD, "upstream"), paint(NAME, cluster))?;
        writeln!(out, "    {} {}", upstream.method, visible(&upstream.path))?;
        writeln!(
            out,
            "    {} {}",
            paint(DIM, "host:"),
            visible(&upstream.authority)
        )?;
        show_headers(&upstream.headers, out)?;
    }
    if !outcome.mirrors.is_empty() {
        writeln!(
            out,
            "\n  {}  {}",
            paint(BOLD, "mirrored to"),
            visible(&outcome.mirrors.join(", "))
        )?;
    }
    if outcome.error.is_none() {
        writeln!(out, "\n  {}", paint(BOLD, "client"))?;
        let is_of_echo =
            |it: &&(String, String)| outcome.upstream.is_some() && OF_THE_ECHO.contains(&as_texts(it));
        let headers = outcome.response_headers.iter().filter(|it| !is_of_echo(it));
        show_headers(&headers.cloned().collect::<Vec<_>>(), out)?;
        if let Some(body) = outcome.body.as_deref().filter(|body| !body.is_empty()) {
            for line in body.lines() {
                writeln!(out, "    {}", visible(line))?;
            }
        }
        if outcome.delay_ms > 0 {
            writeln!(
                out,
                "    {}",
                paint(DIM, format_args!("after {} ms", outcome.delay_ms))
            )?;
        }
    }
    Ok(())
}

/// A sentence below the status.
fn wrapped(text: &str) -> String {
    prose::hanging(text, 5, table::width())
}

/// The same, with its first word, or its first ones, in colour.
fn labelled(label: &str, text: &str) -> String {
    let text = wrapped(text);
    match text.strip_prefix(label) {
        Some(rest) => format!("{}{rest}", paint(ODD, label)),
        None => text,
    }
}

fn show_headers(all: &[(String, String)], out: &mut impl Write) -> io::Result<()> {
    for (name, value) in headers::known(all) {
        writeln!(
            out,
            "    {} {}",
            paint(DIM, format_args!("{name}:")),
            visible(value)
        )?;
    }
    match headers::unknown(all) {
        Some(line) => {
            let line = prose::hanging(&line, 4, table::width());
            let lines: Vec<String> = line.lines().map(|it| paint(DIM, it)).collect();
            writeln!(out, "    {}", lines.join("\n"))
        }
        None => Ok(()),
    }
}
