//! Ends an answer before a stop string, although text leaves piece by piece.
//!
//! Text is held back only while it could still be the beginning of a stop string.

/// Watches streamed text for stop strings.
#[derive(Clone, Debug)]
pub(crate) struct StopStrings {
    stops: Vec<String>,
    pending: String,
}

/// What a piece of text led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// This text is certain; there may be none.
    Text(String),
    /// The last text before a stop string.
    Stopped(String),
}

impl StopStrings {
    pub(crate) fn new(stops: &[String]) -> Self {
        Self { stops: stops.iter().filter(|stop| !stop.is_empty()).cloned().collect(), pending: String::new() }
    }

    /// Adds text. Nothing may be added after [`Passed::Stopped`].
    pub(crate) fn push(&mut self, text: &str) -> Passed {
        self.pending.push_str(text);
        if let Some(at) = first_stop(&self.pending, &self.stops) {
            self.pending.truncate(at);
            return Passed::Stopped(std::mem::take(&mut self.pending));
        }
        let kept = self.pending.split_off(self.undecided());
        Passed::Text(std::mem::replace(&mut self.pending, kept))
    }

    /// What was held back when the answer ends for another reason.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.pending)
    }

    /// Where the longest tail begins that is the beginning of a stop string.
    fn undecided(&self) -> usize {
        let pending = &self.pending;
        pending
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| self.stops.iter().any(|stop| stop.starts_with(&pending[*at..])))
            .unwrap_or(pending.len())
    }
}

/// Where the stop string begins that is complete first, of several the longest: a choice that does not depend
/// on how the text was cut.
fn first_stop(text: &str, stops: &[String]) -> Option<usize> {
    stops
        .iter()
        .filter_map(|stop| text.find(stop.as_str()).map(|start| (start + stop.len(), start)))
        .min()
        .map(|(_, start)| start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn watcher(stops: &[&str]) -> StopStrings {
        StopStrings::new(&stops.iter().map(|stop| (*stop).to_owned()).collect::<Vec<_>>())
    }

    fn text(text: &str) -> Passed {
        Passed::Text(text.to_owned())
    }

    #[test]
    fn text_waits_only_while_it_could_begin_a_stop_string() {
        let mut watcher = watcher(&["\nUser:"]);
        assert_eq!(watcher.push("one\n"), text("one"));
        assert_eq!(watcher.push("Us"), text(""));
        assert_eq!(watcher.push("ually"), text("\nUsually"));
        assert_eq!(watcher.push("\nUser: x"), Passed::Stopped(String::new()));
    }

    #[test]
    fn of_several_the_first_that_is_complete_ends_the_text() {
        assert_eq!(watcher(&["END", "", "b"]).push("aENDb"), Passed::Stopped("a".to_owned()));
        assert_eq!(watcher(&["ENDE", "N"]).push("aENDE"), Passed::Stopped("aE".to_owned()));
    }

    #[test]
    fn what_was_held_back_is_handed_out_at_the_end() {
        let mut watcher = watcher(&["END"]);
        assert_eq!(watcher.push("the EN"), text("the "));
        assert_eq!(watcher.finish(), "EN");
    }

    proptest! {
        #[test]
        fn any_split_stops_at_the_same_place(input in "[abc€]{0,30}", stops in proptest::collection::vec("[abc€]{1,3}", 0..3), cuts in proptest::collection::vec(1usize..4, 0..30)) {
            let expected = first_stop(&input, &stops).map_or(input.as_str(), |at| &input[..at]);
            let mut watcher = StopStrings::new(&stops);
            let mut out = String::new();
            let letters: Vec<char> = input.chars().collect();
            let (mut at, mut cuts) = (0, cuts.into_iter());
            let mut stopped = false;
            while at < letters.len() && !stopped {
                let end = (at + cuts.next().unwrap_or(1)).min(letters.len());
                let piece: String = letters[at..end].iter().collect();
                match watcher.push(&piece) {
                    Passed::Text(text) => out.push_str(&text),
                    Passed::Stopped(text) => { out.push_str(&text); stopped = true; }
                }
                at = end;
            }
            if !stopped { out.push_str(&watcher.finish()); }
            prop_assert_eq!(out, expected);
        }
    }
}
