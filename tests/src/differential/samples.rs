//! What two sides have answered to one question, asked often: whether they can give the same answers.
//!
//! A rule may split its traffic, and on a busy machine a line of the log or a mirrored copy comes late. So single
//! answers prove nothing, and counts do.

use std::collections::BTreeMap;

use super::Answer;

/// An answer that one side has given so often, and the other never, differs: by chance alone that comes once in
/// 65,536 times. What is rarer, and on one side only, is a straggler or an unlikely draw.
const TELLING: usize = 16;

/// The answers of both sides, counted.
#[derive(Default)]
pub(super) struct Samples(BTreeMap<Answer, [usize; 2]>);

impl Samples {
    /// Takes a pair of answers in.
    pub(super) fn add(&mut self, answers: &[Answer; 2]) {
        for (side, answer) in answers.iter().enumerate() {
            self.0.entry(answer.clone()).or_default()[side] += 1;
        }
    }

    /// Two equal answers if both sides give the same ones; two different ones if one side never gives what the other
    /// often does; none if that can't be told yet.
    pub(super) fn verdict(&self) -> Option<[Answer; 2]> {
        if self.0.values().all(|[native, wasm]| *native > 0 && *wasm > 0) {
            return Some(self.either());
        }
        let only = |side: usize| {
            let alone = self
                .0
                .iter()
                .find(|(_, it)| it[side] >= TELLING && it[1 - side] == 0);
            alone.map(|(answer, _)| answer.clone())
        };
        match [only(0), only(1)] {
            [None, None] => None,
            [native, wasm] => {
                let [any_native, any_wasm] = [0, 1].map(|side| self.most_given(side));
                Some([native.unwrap_or(any_native), wasm.unwrap_or(any_wasm)])
            }
        }
    }

    /// The same answer for both.
    pub(super) fn either(&self) -> [Answer; 2] {
        let answer = self.most_given(0);
        [answer.clone(), answer]
    }

    fn most_given(&self, side: usize) -> Answer {
        let most = self.0.iter().max_by_key(|(_, counts)| counts[side]);
        most.map_or_else(Answer::default, |(answer, _)| answer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: &str) -> Answer {
        Answer::with_status(status)
    }

    /// What is said of these answers, given as (native, wasm, times): nothing, or the two statuses.
    fn verdict(pairs: &[(&str, &str, usize)]) -> Option<[String; 2]> {
        let mut samples = Samples::default();
        for (native, wasm, times) in pairs {
            (0..*times).for_each(|_| samples.add(&[answer(native), answer(wasm)]));
        }
        samples.verdict().map(|it| it.map(|it| it.status().to_owned()))
    }

    #[test]
    fn answers_that_both_give_are_equal_whatever_their_shares() {
        let both = verdict(&[("a", "a", 50), ("a", "b", 9), ("b", "a", 1)]);
        assert_eq!(both, Some(["a".to_owned(), "a".to_owned()]));
    }

    #[test]
    fn what_only_one_side_gives_often_differs() {
        let different = verdict(&[("a", "b", 60)]);
        assert_eq!(different, Some(["a".to_owned(), "b".to_owned()]));
        let one_more = verdict(&[("a", "a", 44), ("a", "b", 16)]);
        assert_eq!(one_more, Some(["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn what_only_one_side_gives_seldom_can_not_be_told_yet() {
        assert_eq!(verdict(&[("a", "a", 45), ("a", "b", 15)]), None);
        assert_eq!(verdict(&[("a", "a", 59), ("late", "a", 1)]), None);
    }
}
