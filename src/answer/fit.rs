//! What fits into the model's window, as arithmetic on token counts.
//!
//! Laws (tested as properties): the total never exceeds the window less the reserve for the answer; the question is never
//! dropped; a larger window never removes a passage.

/// The room there is, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    /// What prompt and answer may have together.
    pub window: usize,
    /// Kept free for the answer.
    pub reserve: usize,
    /// The most that passages may take: small models answer worse from more.
    pub evidence: usize,
}

/// What the parts of a prompt cost, in tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Costs<'a> {
    /// Instructions, template and question: always there.
    pub fixed: usize,
    /// Passages, best first.
    pub passages: &'a [usize],
    /// Earlier exchanges, oldest first.
    pub history: &'a [usize],
}

/// What fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fit {
    /// How many of the best passages.
    pub passages: usize,
    /// How many of the newest exchanges.
    pub history: usize,
    /// Tokens of the whole prompt.
    pub total: usize,
}

/// The question alone does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the question needs {needed} tokens and the model's window has room for {room}")]
pub(super) struct TooLong {
    /// Instructions, template and question.
    pub needed: usize,
    /// The window less the reserve.
    pub room: usize,
}

/// Chooses passages first, then as much recent history as there is room for.
///
/// Passages may take three quarters of what the fixed part leaves, so that a small window does not forget the conversation;
/// both lists are taken from their important end and stop at the first that does not fit, which is what makes the choice
/// monotone in the window.
pub(super) fn fit(budget: Budget, costs: Costs<'_>) -> Result<Fit, TooLong> {
    let room = budget.window.saturating_sub(budget.reserve);
    let Some(free) = room.checked_sub(costs.fixed) else {
        return Err(TooLong { needed: costs.fixed, room });
    };
    let (passages, evidence) = take(costs.passages.iter(), evidence_room(budget, costs.fixed));
    let (history, earlier) = take(costs.history.iter().rev(), free - evidence);
    Ok(Fit { passages, history, total: costs.fixed + evidence + earlier })
}

/// Tokens that passages may take beside a fixed part.
pub(super) fn evidence_room(budget: Budget, fixed: usize) -> usize {
    let free = budget.window.saturating_sub(budget.reserve).saturating_sub(fixed);
    budget.evidence.min(free / 4 * 3)
}

/// How many of `costs`, in order, fit into `room`, and what they take.
fn take<'a>(costs: impl Iterator<Item = &'a usize>, room: usize) -> (usize, usize) {
    let mut used = 0_usize;
    let mut count = 0;
    for cost in costs {
        match used.checked_add(*cost) {
            Some(sum) if sum <= room => used = sum,
            _ => break,
        }
        count += 1;
    }
    (count, used)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn costs() -> impl Strategy<Value = Vec<usize>> {
        prop::collection::vec(0usize..400, 0..8)
    }

    proptest! {
        #[test]
        fn the_total_keeps_the_reserve_free_and_adds_up(
            window in 0usize..4000, reserve in 0usize..600, evidence in 0usize..2000, fixed in 0usize..800,
            passages in costs(), history in costs(),
        ) {
            let budget = Budget { window, reserve, evidence };
            match fit(budget, Costs { fixed, passages: &passages, history: &history }) {
                Ok(fit) => {
                    prop_assert!(fit.total <= window - reserve);
                    let evidence_used: usize = passages[..fit.passages].iter().sum();
                    let newest: usize = history[history.len() - fit.history..].iter().sum();
                    prop_assert!(evidence_used <= evidence);
                    prop_assert_eq!(fit.total, fixed + evidence_used + newest);
                }
                Err(TooLong { needed, room }) => prop_assert!(needed == fixed && fixed > room),
            }
        }

        #[test]
        fn a_larger_window_never_removes_a_passage(
            window in 0usize..4000, more in 0usize..2000, evidence in 0usize..2000, fixed in 0usize..800,
            passages in costs(), history in costs(),
        ) {
            let costs = Costs { fixed, passages: &passages, history: &history };
            let small = fit(Budget { window, reserve: 100, evidence }, costs);
            let large = fit(Budget { window: window + more, reserve: 100, evidence }, costs);
            if let Ok(small) = small {
                prop_assert!(large.expect("fits where less room fits").passages >= small.passages);
            }
        }
    }

    #[test]
    fn a_question_longer_than_the_window_is_an_error_with_both_numbers() {
        let budget = Budget { window: 512, reserve: 128, evidence: 600 };
        let error = fit(budget, Costs { fixed: 400, passages: &[], history: &[] }).unwrap_err();
        assert_eq!(error, TooLong { needed: 400, room: 384 });
    }
}
