-- What is projected from the log: the asset tree, alarms and their journal, all as of commit `through`.
CREATE TABLE applied (only INTEGER PRIMARY KEY CHECK (only = 1), through INTEGER NOT NULL, revision INTEGER NOT NULL);
INSERT INTO applied VALUES (1, 0, 0);
CREATE TABLE machine (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE alarm (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE journal (
  seq INTEGER NOT NULL, n INTEGER NOT NULL, alarm INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (seq, n)
) WITHOUT ROWID;
CREATE INDEX journal_alarm ON journal (alarm, seq, n);

-- What is written here directly: users of the MQTT door.
CREATE TABLE user (name TEXT PRIMARY KEY, hash TEXT NOT NULL) WITHOUT ROWID;
