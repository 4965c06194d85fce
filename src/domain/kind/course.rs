//! State machines of fields: where a case or a report can go from where it stands. A word that is *guarded* is entered and
//! left by a step, which names the one version that it starts from; between the others a field is an ordinary `mv` one.

/// The words of a field, and which may follow which.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Course {
    /// Words that are entered and left by a step: a decision that is taken once.
    pub guarded: &'static [&'static str],
    /// From each word, the words that may follow it.
    pub ways: &'static [(&'static str, &'static [&'static str])],
}

/// A case is worked on in any order until it is closed, and that is its end.
pub(super) const CASE_STATUS: Course = Course {
    guarded: &["closed"],
    ways: &[
        ("open", &["active", "suspended", "closed"]),
        ("active", &["open", "suspended", "closed"]),
        ("suspended", &["open", "active", "closed"]),
        ("closed", &[]),
    ],
};

/// A report is approved or rejected; only taking it up again leads on from there.
pub(super) const REPORT_STATUS: Course = Course {
    guarded: &["resolved", "rejected"],
    ways: &[
        ("received", &["in-progress", "resolved", "rejected"]),
        ("in-progress", &["received", "resolved", "rejected"]),
        ("resolved", &["in-progress"]),
        ("rejected", &["in-progress"]),
    ],
};

/// An alert is looked after by one or another; that it is put aside is a decision, which can be taken back.
pub(super) const ALERT_STATUS: Course = Course {
    guarded: &["dismissed"],
    ways: &[
        ("raised", &["acknowledged", "escalated", "dismissed"]),
        ("acknowledged", &["escalated", "dismissed"]),
        ("escalated", &["acknowledged", "dismissed"]),
        ("dismissed", &["acknowledged", "escalated"]),
    ],
};

/// How an alert can stand.
pub(super) const ALERT_STATES: &[&str] = &["raised", "acknowledged", "dismissed", "escalated"];

impl Course {
    /// Whether the word is entered and left by a step.
    pub fn is_guarded(&self, word: &str) -> bool {
        self.guarded.contains(&word)
    }

    /// The words that may follow; `None` of a word unknown here, which a newer node knows.
    pub fn after(&self, word: &str) -> Option<&'static [&'static str]> {
        self.ways
            .iter()
            .find(|(from, _)| *from == word)
            .map(|(_, to)| *to)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::kind::{KINDS, Shape};

    #[test]
    fn a_course_speaks_of_all_words_of_its_field_and_of_no_others() {
        let fields = KINDS.into_iter().flat_map(|kind| kind.fields);
        let mut courses = 0;
        for (field, course) in fields.filter_map(|field| Some((field, field.course?))) {
            let Shape::Choice(words) = field.shape else {
                panic!("{} has no words", field.name);
            };
            let mut from: Vec<&str> = course.ways.iter().map(|(from, _)| *from).collect();
            let mut words = words.to_vec();
            from.sort_unstable();
            words.sort_unstable();
            assert_eq!(from, words);
            let mut to = course.ways.iter().flat_map(|(_, to)| *to).chain(course.guarded);
            assert!(to.all(|word| words.contains(word)));
            assert!(!course.is_guarded(field.default.unwrap()));
            courses += 1;
        }
        assert_eq!(courses, 3);
    }
}
