//! The loss ledger: messages counted by source.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::LedgerDelta;

/// Sources beyond this many are counted together, lest a client with a new name every second fill the memory.
const SOURCES: usize = 10_000;
/// The source under which they are counted.
const OTHERS: &str = "(others)";

/// Sums of [`LedgerDelta`]s.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(BTreeMap<Arc<str>, LedgerDelta>);

impl Ledger {
    pub fn add(&mut self, delta: &LedgerDelta) {
        let known = self.0.contains_key(&delta.source) || self.0.len() < SOURCES;
        let source: Arc<str> = if known { delta.source.clone() } else { OTHERS.into() };
        let sum = self.0.entry(source.clone()).or_insert_with(|| LedgerDelta { source, ..LedgerDelta::default() });
        add(sum, delta);
    }

    pub fn total(&self) -> LedgerDelta {
        let mut total = LedgerDelta::default();
        self.0.values().for_each(|l| add(&mut total, l));
        total
    }

    pub fn by_source(&self) -> Vec<LedgerDelta> {
        self.0.values().cloned().collect()
    }
}

fn add(sum: &mut LedgerDelta, delta: &LedgerDelta) {
    sum.received += delta.received;
    sum.committed += delta.committed;
    sum.duplicates += delta.duplicates;
    sum.quarantined += delta.quarantined;
    sum.refused += delta.refused;
}

/// Sums the entries of one group by source, in place.
pub(crate) fn merge(deltas: &mut Vec<LedgerDelta>) {
    if deltas.len() < 2 {
        return;
    }
    let mut ledger = Ledger::default();
    deltas.iter().for_each(|d| ledger.add(d));
    *deltas = ledger.by_source();
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
    fn ever_new_names_share_one_line_and_no_message_is_lost_from_the_count() {
        let mut ledger = Ledger::default();
        (0..SOURCES + 500).for_each(|i| ledger.add(&delta(&format!("c{i}"), 1)));
        assert_eq!(ledger.by_source().len(), SOURCES + 1);
        assert_eq!(ledger.total().received, SOURCES as u64 + 500);
    }
}
