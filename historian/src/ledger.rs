//! The loss ledger: messages counted by source.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::LedgerDelta;

/// Sources beyond this many are counted together, lest a client with a new name every second fill the memory.
const SOURCES: usize = 10_000;
/// The source under which they are counted.
const OTHERS: &str = "(others)";

/// Sums of [`LedgerDelta`]s. In a sum, what was released from quarantine is no longer counted there:
/// `released` is 0 and `received = committed + duplicates + quarantined + refused`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(BTreeMap<Arc<str>, LedgerDelta>);

impl Ledger {
    pub fn add(&mut self, delta: &LedgerDelta) {
        let sum = sum_of(&mut self.0, &delta.source);
        sum.add(delta);
        // Both were of this source, so that there is never less in quarantine than is released from it.
        sum.quarantined = sum.quarantined.saturating_sub(std::mem::take(&mut sum.released));
    }

    pub fn total(&self) -> LedgerDelta {
        let mut total = LedgerDelta::default();
        self.0.values().for_each(|l| total.add(l));
        total
    }

    pub fn by_source(&self) -> Vec<LedgerDelta> {
        self.0.values().cloned().collect()
    }
}

fn sum_of<'a>(sums: &'a mut BTreeMap<Arc<str>, LedgerDelta>, source: &Arc<str>) -> &'a mut LedgerDelta {
    let known = sums.contains_key(source) || sums.len() < SOURCES;
    let source: Arc<str> = if known { source.clone() } else { OTHERS.into() };
    sums.entry(source.clone()).or_insert_with(|| LedgerDelta { source, ..LedgerDelta::default() })
}

impl LedgerDelta {
    /// Adds what `other` counts; the source stays.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.committed += other.committed;
        self.duplicates += other.duplicates;
        self.quarantined += other.quarantined;
        self.refused += other.refused;
        self.released += other.released;
        self.gaps += other.gaps;
    }

    /// Whether every message is accounted for: `received + released = committed + duplicates + quarantined + refused`.
    #[must_use]
    pub const fn adds_up(&self) -> bool {
        self.received + self.released == self.committed + self.duplicates + self.quarantined + self.refused
    }
}

/// Sums the entries of one group by source, in place. What is released stays apart: it may have been quarantined before.
pub(crate) fn merge(deltas: &mut Vec<LedgerDelta>) {
    if deltas.len() < 2 {
        return;
    }
    let mut sums = BTreeMap::new();
    deltas.iter().for_each(|d| sum_of(&mut sums, &d.source).add(d));
    *deltas = sums.into_values().collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(source: &str, received: u64) -> LedgerDelta {
        LedgerDelta { source: source.into(), received, committed: received, ..LedgerDelta::default() }
    }

    #[test]
    fn sums_by_source_and_over_all() {
        let mut deltas = vec![delta("b", 1), delta("a", 2), delta("b", 3)];
        merge(&mut deltas);
        assert_eq!(deltas, [delta("a", 2), delta("b", 4)]);
        let mut ledger = Ledger::default();
        deltas.iter().for_each(|d| ledger.add(d));
        assert_eq!(ledger.total(), LedgerDelta { source: "".into(), ..delta("", 6) });
    }

    #[test]
    fn what_is_released_leaves_the_quarantine_and_a_group_tells_both() {
        let quarantined = LedgerDelta { source: "a".into(), received: 3, quarantined: 3, ..LedgerDelta::default() };
        let released = LedgerDelta { source: "a".into(), committed: 1, released: 1, ..LedgerDelta::default() };
        assert!(quarantined.adds_up() && released.adds_up());
        let mut ledger = Ledger::default();
        ledger.add(&quarantined);
        let mut group = vec![released.clone(), released, quarantined];
        merge(&mut group);
        assert_eq!((group.len(), group[0].quarantined, group[0].released), (1, 3, 2));
        assert!(group[0].adds_up());
        ledger.add(&group[0]);
        let total = ledger.total();
        assert_eq!((total.received, total.committed, total.quarantined, total.released), (6, 2, 4, 0));
        assert!(total.adds_up());
    }

    #[test]
    fn ever_new_names_share_one_line_and_no_message_is_lost_from_the_count() {
        let mut ledger = Ledger::default();
        (0..SOURCES + 500).for_each(|i| ledger.add(&delta(&format!("c{i}"), 1)));
        assert_eq!(ledger.by_source().len(), SOURCES + 1);
        assert_eq!(ledger.total().received, SOURCES as u64 + 500);
    }
}
