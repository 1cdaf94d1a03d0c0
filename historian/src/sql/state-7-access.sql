-- Chains of hashes over rows of this file: how many rows each has, and the link of the last one. What there was in the
-- journal before is chained when this step is taken; `since`: how many rows that were.
CREATE TABLE chain (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, since INTEGER NOT NULL, head BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO chain VALUES ('journal', 0, 0, zeroblob(32)), ('audit', 0, 0, zeroblob(32));
ALTER TABLE journal ADD COLUMN link BLOB NOT NULL DEFAULT x'';

-- Who did what: `t` in nanoseconds since 1970, texts as they are shown; never changed, never removed.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, t INTEGER NOT NULL, who TEXT NOT NULL, origin TEXT NOT NULL, action TEXT NOT NULL,
  subject TEXT NOT NULL, was TEXT NOT NULL, now TEXT NOT NULL, outcome TEXT NOT NULL, link BLOB NOT NULL
);

-- People: `hash` of the password as text (PHC form); `areas` NULL: the whole plant, else one a line; times in nanoseconds
-- since 1970.
CREATE TABLE account (
  name TEXT PRIMARY KEY, hash TEXT NOT NULL, role TEXT NOT NULL, areas TEXT, language TEXT NOT NULL,
  created INTEGER NOT NULL, disabled INTEGER
) WITHOUT ROWID;
-- Where they are logged in: `hash` is SHA-256 of what the browser holds.
CREATE TABLE session (
  hash BLOB PRIMARY KEY, account TEXT NOT NULL, created INTEGER NOT NULL, seen INTEGER NOT NULL, expires INTEGER NOT NULL,
  address TEXT NOT NULL, agent TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_account ON session (account, seen);
-- Programs: `hash` is SHA-256 of what they send.
CREATE TABLE token (
  hash BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, areas TEXT, author TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER, used INTEGER
) WITHOUT ROWID;
