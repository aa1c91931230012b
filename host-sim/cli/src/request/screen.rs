//! An outcome as a person reads it: what became of the request, what the upstream receives, what the client gets.

use std::io::{self, Write};

use fingerpost_resources::visible;
use fingerpost_terminal::headers;
use fingerpost_terminal::names::without_domain;
use fingerpost_terminal::style::{BAD, BOLD, DIM, GOOD, NAME, ODD, paint};

use super::proxies::Answer;

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
            return writeln!(
                out,
                "   this can't be known without an Envoy: {}",
                visible(&skipped.to_string())
            );
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
    let rule = outcome
        .rule
        .as_ref()
        .map_or_else(|| "no rule".to_owned(), ToString::to_string);
    if outcome.error.is_none() {
        writeln!(out, "     {}", paint(DIM, &rule))?;
    }
    for line in why {
        writeln!(out, "     {}", visible(line))?;
    }
    if !by_chance.is_empty() {
        let all: Vec<String> = by_chance.iter().map(|it| without_domain(it)).collect();
        writeln!(
            out,
            "     {} {} (all outcomes: fingerpost explain)",
            paint(ODD, "one draw of:"),
            visible(&all.join(", "))
        )?;
    }
    if let Some(labels) = proxy {
        writeln!(out, "     {}", paint(DIM, format_args!("of the proxy {labels}")))?;
    }
    if !assumed.is_empty() {
        let names: Vec<String> = assumed.iter().map(|it| without_domain(&it.to_string())).collect();
        let names = names.join(", ");
        writeln!(out, "     {} {}", paint(ODD, "assumed:"), visible(&names))?;
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
        show_headers(&outcome.response_headers, out)?;
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
        Some(line) => writeln!(out, "    {}", paint(DIM, line)),
        None => Ok(()),
    }
}
