//! Which names a condition on a header may have.

/// Whether a name is the place of a claim of a token, such as `@request.auth.claims.group`.
pub(super) fn is_claim(name: &str) -> bool {
    const PREFIX: &str = "@request.auth.claims";
    let Some((start, rest)) = name.split_at_checked(PREFIX.len()) else {
        return false;
    };
    let bracketed = rest.len() > 2 && rest.starts_with('[') && rest.ends_with(']');
    start.eq_ignore_ascii_case(PREFIX) && (bracketed || rest.len() > 1 && rest.starts_with('.'))
}

/// The letters of a header's name. Istio also takes a comma: its range `+-.` holds one.
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+,-.^_`|~".contains(&it))
}

#[cfg(test)]
mod tests {
    use super::is_claim;

    #[test]
    fn a_claim_is_written_with_dots_or_brackets() {
        for name in ["@request.auth.claims.group", "@Request.Auth.Claims[a][b]"] {
            assert!(is_claim(name), "{name}");
        }
        for name in [
            "@request.auth.claims",
            "@request.auth.claims.",
            "@request.auth.claims[]",
            "x-claims",
            "",
        ] {
            assert!(!is_claim(name), "{name}");
        }
    }
}
