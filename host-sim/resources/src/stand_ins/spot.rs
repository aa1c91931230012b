//! Where in a text of YAML a placeholder is, and which value fits there.
//!
//! The text is not YAML yet where it is a template, so this looks at lines.

/// In bytes; a label of a host has at most 63.
pub(super) const LONGEST_NAME: usize = 40;

/// The place of a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot<'t> {
    /// The key whose value, or item of a list, it is in.
    pub(crate) key: &'t str,
    /// It is in an item of a list.
    pub(crate) is_item: bool,
    /// Nothing is in front of it in its value, and nothing behind it.
    begins: bool,
    ends: bool,
    /// Its value is that of a path.
    is_path: bool,
}

impl<'t> Spot<'t> {
    /// The spot between two texts.
    pub(crate) fn of(before: &'t str, after: &str) -> Self {
        let line_start = before.rfind('\n').map_or(0, |it| it + 1);
        let (above, line) = before.split_at(line_start);
        let (key, value, is_item) = match line.rsplit_once(": ") {
            Some((head, value)) => {
                let flow = value.trim_start().strip_prefix('[');
                let value = flow.map_or(value, |it| it.rsplit(',').next().unwrap_or(it));
                (last_word(head), value, flow.is_some())
            }
            None => {
                let item = line.trim_start().trim_start_matches("- ");
                (key_of_list(above), item, true)
            }
        };
        let is_end = |it: char| it.is_whitespace() || matches!(it, ',' | ']' | '}');
        let rest = after.strip_prefix(['"', '\'']).unwrap_or(after);
        let near = before.len().saturating_sub(60);
        let near = (near..=before.len())
            .find_map(|it| before.get(it..))
            .unwrap_or_default();
        Self {
            key,
            is_item,
            begins: value.trim().trim_matches(['"', '\'']).is_empty(),
            ends: rest.is_empty() || rest.starts_with(is_end),
            is_path: matches!(key, "uri" | "path" | "prefix") || key == "exact" && near.contains("uri"),
        }
    }

    /// It is all of a value.
    pub(crate) fn is_whole(&self) -> bool {
        self.begins && self.ends
    }

    /// The field takes a number, which is not quoted.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.key, "number" | "port" | "targetPort" | "weight" | "attempts") && self.is_whole()
    }

    /// The field is a list of texts.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.key, "hosts" | "gateways" | "exportTo") && !self.is_item && self.is_whole()
    }

    /// The value that fits, made of a name.
    pub(crate) fn value(&self, name: &str) -> String {
        match self.key {
            "number" | "port" | "targetPort" if self.is_whole() => "80".to_owned(),
            "weight" | "attempts" if self.is_whole() => "1".to_owned(),
            "timeout" | "perTryTimeout" | "fixedDelay" if self.is_whole() => "10s".to_owned(),
            "hosts" if self.ends => format!("{name}.example.com"),
            _ if self.is_path && self.is_whole() => format!("/{name}"),
            _ => name.to_owned(),
        }
    }
}

/// The key of the list that the last line is an item of.
fn key_of_list(above: &str) -> &str {
    let lines = above.lines().rev().map(str::trim);
    let mut others = lines.filter(|it| !it.is_empty() && !it.starts_with('#'));
    let key = others.find(|it| it.ends_with(':') || !it.starts_with('-'));
    key.and_then(|it| it.strip_suffix(':')).map_or("", last_word)
}

fn last_word(text: &str) -> &str {
    let text = text.trim_end().trim_end_matches(['"', '\'']);
    let is_part = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-');
    text.rsplit(|it| !is_part(it)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, key: &str, is_item: bool, is_whole: bool) {
        let (before, after) = text.split_once('@').expect("a spot");
        let spot = Spot::of(before, after);
        assert_eq!(
            (spot.key, spot.is_item, spot.is_whole()),
            (key, is_item, is_whole),
            "{text}"
        );
    }

    #[test]
    fn a_spot_has_a_key() {
        check("a:\n  hosts:\n  - a\n  # b\n  - '@'\n", "hosts", true, true);
        check("hosts: [a.b, \"c.@\"]", "hosts", true, false);
        check("port: {number: @}", "number", false, true);
        check("gateways: @\n", "gateways", false, true);
        check("  - uri:\n      prefix: /a/@/\n", "prefix", false, false);
        check("{\"weight\": @}", "weight", false, true);
    }
}
