//! Where in the bootstrap a check is, and what it has found.

use std::borrow::Cow;

use fingerpost_envoy_config::Duration;
use fingerpost_envoy_http::header;

use super::values::MOST_SECONDS;

/// A value that Envoy refuses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The place in the bootstrap, such as `static_resources.clusters[0].connect_timeout`.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
    /// The VirtualService whose route it is part of, if the route says it.
    pub rule: Option<String>,
    /// The dispatch key that leads to the route.
    pub key: Option<String>,
}

/// How long a text may be, in bytes, and whether line breaks and NUL are forbidden.
#[derive(Clone, Copy)]
pub(crate) struct TextRule {
    pub least: usize,
    pub most: usize,
    pub one_line: bool,
}

/// Any text but none.
pub(crate) const GIVEN: TextRule = TextRule {
    least: 1,
    most: usize::MAX,
    one_line: false,
};
/// One line, or none.
pub(crate) const LINE: TextRule = TextRule {
    least: 0,
    most: usize::MAX,
    one_line: true,
};
/// One line.
pub(crate) const NAME: TextRule = TextRule {
    least: 1,
    most: usize::MAX,
    one_line: true,
};

impl TextRule {
    /// What is wrong with `text`, if anything is.
    pub(crate) fn broken_by(self, text: &str) -> Option<String> {
        if !(self.least..=self.most).contains(&text.len()) {
            return Some(format!(
                "{} bytes: expected {} to {}",
                text.len(),
                self.least,
                self.most
            ));
        }
        let forbidden = header::forbidden_anywhere(text).filter(|_| self.one_line)?;
        Some(format!("{forbidden:?} is not allowed"))
    }
}

enum Step {
    Field(Cow<'static, str>),
    Index(usize),
}

/// A walk through the bootstrap.
#[derive(Default)]
pub(crate) struct Walk {
    steps: Vec<Step>,
    rule: Option<String>,
    key: Option<String>,
    found: Vec<Refused>,
}

impl Walk {
    /// What was found.
    pub(crate) fn found(self) -> Vec<Refused> {
        self.found
    }

    /// Checks a field.
    pub(crate) fn field(&mut self, name: impl Into<Cow<'static, str>>, check: impl FnOnce(&mut Self)) {
        self.step(Step::Field(name.into()), check);
    }

    /// Checks a field if it is set.
    pub(crate) fn set<T>(
        &mut self,
        name: &'static str,
        value: Option<&T>,
        check: impl FnOnce(&mut Self, &T),
    ) {
        if let Some(value) = value {
            self.field(name, |walk| check(walk, value));
        }
    }

    /// Checks each item of a list.
    pub(crate) fn each<T>(&mut self, name: &'static str, items: &[T], check: impl Fn(&mut Self, &T)) {
        self.field(name, |walk| {
            for (index, item) in items.iter().enumerate() {
                walk.step(Step::Index(index), |walk| check(walk, item));
            }
        });
    }

    /// The same for a list that must have so many items.
    pub(crate) fn counted<T>(
        &mut self,
        name: &'static str,
        items: &[T],
        (least, most): (usize, usize),
        check: impl Fn(&mut Self, &T),
    ) {
        if !(least..=most).contains(&items.len()) {
            let reason = format!("{} items: expected {least} to {most}", items.len());
            self.field(name, |walk| walk.refuse(reason));
        }
        self.each(name, items, check);
    }

    /// Checks what was made from a rule.
    pub(crate) fn of_rule(&mut self, rule: Option<String>, check: impl FnOnce(&mut Self)) {
        let outer = self.rule.clone();
        self.rule = rule.or(outer.clone());
        check(self);
        self.rule = outer;
    }

    /// Checks what is behind a dispatch key.
    pub(crate) fn behind_key(&mut self, key: &str, check: impl FnOnce(&mut Self)) {
        let outer = self.key.replace(key.to_owned());
        self.field(key.to_owned(), check);
        self.key = outer;
    }

    pub(crate) fn text(&mut self, name: &'static str, text: &str, rule: TextRule) {
        self.broken(name, rule.broken_by(text));
    }

    pub(crate) fn number(&mut self, name: &'static str, number: u64, (least, most): (u64, u64)) {
        let fits = (least..=most).contains(&number);
        self.broken(
            name,
            (!fits).then(|| format!("{number} is not a number from {least} to {most}")),
        );
    }

    pub(crate) fn duration(&mut self, name: &'static str, duration: Option<Duration>) {
        self.broken(name, duration.and_then(|it| broken_duration(it, false)));
    }

    /// A duration that must not be 0.
    pub(crate) fn positive(&mut self, name: &'static str, duration: Option<Duration>) {
        self.broken(name, duration.and_then(|it| broken_duration(it, true)));
    }

    /// Refuses a field, if there is a reason.
    pub(crate) fn broken(&mut self, name: &'static str, reason: Option<String>) {
        if let Some(reason) = reason {
            self.field(name, |walk| walk.refuse(reason));
        }
    }

    /// Refuses what is looked at.
    pub(crate) fn refuse(&mut self, reason: String) {
        let mut place = String::new();
        for step in &self.steps {
            match step {
                Step::Field(name) if place.is_empty() => place.push_str(name),
                Step::Field(name) => place.push_str(&format!(".{name}")),
                Step::Index(index) => place.push_str(&format!("[{index}]")),
            }
        }
        self.found.push(Refused {
            place,
            reason,
            rule: self.rule.clone(),
            key: self.key.clone(),
        });
    }

    fn step(&mut self, step: Step, check: impl FnOnce(&mut Self)) {
        self.steps.push(step);
        check(self);
        self.steps.pop();
    }
}

fn broken_duration(duration: Duration, positive: bool) -> Option<String> {
    let fits = duration.0.as_secs() <= MOST_SECONDS && !(positive && duration.0.is_zero());
    let bound = if positive { "above 0" } else { "from 0" };
    (!fits).then(|| format!("`{duration}` is not a duration {bound} to {MOST_SECONDS}s"))
}
