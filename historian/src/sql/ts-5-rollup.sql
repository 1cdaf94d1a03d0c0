-- What the minutes and hours of each series amount to, a row for many: `width` 60: the minutes of UTC day `t` since the
-- epoch; `width` 3600: the hours of 32 such days, from day 32 * `t` on. `seq`: made of what was committed up to there.
-- Bodies lie apart, as those of chunks do.
CREATE TABLE rollup (
  series INTEGER NOT NULL, width INTEGER NOT NULL, t INTEGER NOT NULL, seq INTEGER NOT NULL, body INTEGER NOT NULL,
  PRIMARY KEY (series, width, t)
) WITHOUT ROWID;
CREATE TABLE rollup_body (id INTEGER PRIMARY KEY, body BLOB NOT NULL);

-- Days of which the minutes and hours do not say what the chunks say, from `since` on; they are made anew at `due`.
CREATE TABLE stale (
  series INTEGER NOT NULL, day INTEGER NOT NULL, since INTEGER NOT NULL, due INTEGER NOT NULL,
  PRIMARY KEY (series, day)
) WITHOUT ROWID;
CREATE INDEX stale_due ON stale (due);

-- Before this, chunks hold only what came after the others were removed; minutes and hours hold the rest.
ALTER TABLE series ADD COLUMN raw_from INTEGER NOT NULL DEFAULT -9223372036854775808;

-- By what age is judged: up to which commit, event and diagnosis there were before the hour that begins at `t` had ended,
-- in seconds.
CREATE TABLE reached (t INTEGER PRIMARY KEY, seq INTEGER NOT NULL, event INTEGER NOT NULL, diagnosis INTEGER NOT NULL);
-- What was there before is as old as the ledger knows; happenings of which that is not known are of now.
INSERT INTO reached SELECT t / 3600 * 3600, max(last), 0, 0 FROM ledger_span GROUP BY 1;

-- What was removed since the beginning because its time was over.
CREATE TABLE removed (what TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
