//! Numbers and lists in sentences.

/// A number with its noun: `1 error`, `2 errors`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The first `most` of a list, and how many more there are: `a, b, c and 297 more`.
pub fn list<T: AsRef<str>>(items: &[T], most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(most).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match items.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The text on one line of at most `width` columns; what is cut off is an ellipsis.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if crate::table::length(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        let longer = format!("{short}{character}");
        if crate::table::length(&longer) >= width {
            break;
        }
        short = longer;
    }
    short + "…"
}
