//! Header edits: `request_headers_to_add`, `request_headers_to_remove` and their twins for responses.
//!
//! Within one list Envoy removes first. Then it works out all values, sets, and adds at last. A value that comes
//! out empty is not written.

use fingerpost_envoy_config::core::{HeaderAppendAction, HeaderValueOption};
use fingerpost_envoy_http::HeaderMap;
use fingerpost_envoy_http::header_map::{Headers, add, get, remove, set};

use crate::facts::{Answer, Facts, Source};
use crate::format::Format;
use crate::outcome::Skipped;

/// Edits of one level: a destination, a route, a virtual host.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    remove: Vec<String>,
    write: Vec<Edit>,
}

#[derive(Debug)]
struct Edit {
    name: String,
    value: Format,
    action: HeaderAppendAction,
    keep_empty: bool,
}

impl Edits {
    pub(crate) fn read(write: Vec<HeaderValueOption>, remove: Vec<String>) -> Self {
        let write = write.into_iter().map(|it| Edit {
            name: it.header.key.to_ascii_lowercase(),
            value: Format::read(&it.header.value),
            action: it.append_action,
            keep_empty: it.keep_empty_value,
        });
        Self {
            remove: remove.into_iter().map(|name| name.to_ascii_lowercase()).collect(),
            write: write.collect(),
        }
    }

    /// Makes the edits of a request.
    pub(crate) fn edit_request(&self, request: &mut Headers, facts: &Facts<'_>) -> Result<(), Skipped> {
        self.remove_from(request);
        let values = self.values(request, request, facts)?;
        write(values, HeaderMap::Request, request);
        Ok(())
    }

    /// Makes the edits of an answer to `request`.
    pub(crate) fn edit_response(
        &self,
        response: &mut Headers,
        status: &str,
        source: Source,
        request: &Headers,
        facts: &Facts<'_>,
    ) -> Result<(), Skipped> {
        self.remove_from(response);
        let facts = Facts {
            answer: Some(Answer {
                headers: response,
                status,
                source,
            }),
            ..*facts
        };
        let values = self.values(response, request, &facts)?;
        write(values, HeaderMap::Response, response);
        Ok(())
    }

    fn remove_from(&self, headers: &mut Headers) {
        for name in &self.remove {
            remove(headers, name);
        }
    }

    /// What is written, worked out over the headers as they are before anything is.
    fn values(
        &self,
        headers: &Headers,
        request: &Headers,
        facts: &Facts<'_>,
    ) -> Result<Vec<(&Edit, Vec<u8>)>, Skipped> {
        let mut values = Vec::with_capacity(self.write.len());
        for edit in &self.write {
            let is_there = get(headers, &edit.name).is_some();
            let applies = match edit.action {
                HeaderAppendAction::AppendIfExistsOrAdd | HeaderAppendAction::OverwriteIfExistsOrAdd => true,
                HeaderAppendAction::AddIfAbsent => !is_there,
                HeaderAppendAction::OverwriteIfExists => is_there,
            };
            let value = edit.value.write(request, facts)?;
            if applies && (edit.keep_empty || !value.is_empty()) {
                values.push((edit, value));
            }
        }
        Ok(values)
    }
}

fn overwrites(action: HeaderAppendAction) -> bool {
    match action {
        HeaderAppendAction::OverwriteIfExistsOrAdd | HeaderAppendAction::OverwriteIfExists => true,
        HeaderAppendAction::AppendIfExistsOrAdd | HeaderAppendAction::AddIfAbsent => false,
    }
}

fn write(values: Vec<(&Edit, Vec<u8>)>, side: HeaderMap, headers: &mut Headers) {
    let (overwrites, adds): (Vec<_>, Vec<_>) =
        values.into_iter().partition(|(edit, _)| overwrites(edit.action));
    for (edit, value) in overwrites {
        set(headers, &edit.name, value);
    }
    for (edit, value) in adds {
        add(headers, side, edit.name.as_bytes(), &value);
    }
}
