-- Sparkplug, waveform and other sequence numbers that were skipped, beside the sum.
ALTER TABLE ledger ADD COLUMN gaps INTEGER NOT NULL DEFAULT 0;

-- What each stretch of time added to the ledger; `t`: where it begins, `width`: how long it is, both in seconds. Minutes,
-- later put together into hours. Up to commit `ledger_through`, as the table ledger.
CREATE TABLE ledger_line (
  t INTEGER NOT NULL, source TEXT NOT NULL, width INTEGER NOT NULL, received INTEGER NOT NULL, committed INTEGER NOT NULL,
  duplicates INTEGER NOT NULL, quarantined INTEGER NOT NULL, refused INTEGER NOT NULL, released INTEGER NOT NULL,
  gaps INTEGER NOT NULL, PRIMARY KEY (t, source)
) WITHOUT ROWID;

-- Which commits fell into each stretch.
CREATE TABLE ledger_span (
  t INTEGER PRIMARY KEY, width INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL
);
