-- Every commit, whole, until its points are in chunks, its register entries are projected and every follower is past it.
CREATE TABLE log (seq INTEGER PRIMARY KEY, t INTEGER NOT NULL, body BLOB NOT NULL);

-- Names of series; `sealed`: chunks hold everything committed up to here; `t1`: the latest time in a chunk;
-- `span`: the longest time that one chunk covers; `last`: the latest value.
CREATE TABLE series (
  id INTEGER PRIMARY KEY, point TEXT NOT NULL, indicator TEXT,
  sealed INTEGER NOT NULL DEFAULT 0, t1 INTEGER NOT NULL DEFAULT -9223372036854775808,
  span INTEGER NOT NULL DEFAULT 0, last BLOB
);

-- Where each chunk is and what it amounts to (count to last: of usable numbers only). Bodies lie apart, in the order in
-- which they were written, so that the index stays small and the bodies pack tightly.
CREATE TABLE chunk (
  series INTEGER NOT NULL, t0 INTEGER NOT NULL, seq INTEGER NOT NULL, t1 INTEGER NOT NULL, n INTEGER NOT NULL,
  count INTEGER NOT NULL, min REAL, max REAL, mean REAL, last REAL, block INTEGER NOT NULL,
  PRIMARY KEY (series, t0, seq)
) WITHOUT ROWID;
CREATE TABLE block (id INTEGER PRIMARY KEY, body BLOB NOT NULL);

CREATE TABLE event (id INTEGER PRIMARY KEY, machine TEXT NOT NULL, t INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX event_machine ON event (machine, t);
CREATE INDEX event_t ON event (t);

CREATE TABLE diagnosis (id INTEGER PRIMARY KEY, point TEXT NOT NULL, t INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX diagnosis_point ON diagnosis (point, t);

CREATE TABLE quarantine (id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX quarantine_code ON quarantine (code, id);
CREATE TABLE quarantine_group (code TEXT PRIMARY KEY, count INTEGER NOT NULL, example BLOB NOT NULL) WITHOUT ROWID;

-- The loss ledger up to commit `ledger_through` of the table meta; what came later is in the log.
CREATE TABLE ledger (source TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;

-- How far each follower of the tail has come, and the state it goes on from.
CREATE TABLE follower (
  name TEXT PRIMARY KEY, through INTEGER NOT NULL, state_through INTEGER, state BLOB
) WITHOUT ROWID;

-- `heads_from`: points committed before this are in chunks. `ledger_through`: see above.
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('heads_from', 1), ('ledger_through', 0);
