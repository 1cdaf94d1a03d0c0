-- What the MQTT door retains, projected from the log; `expires` in nanoseconds since 1970, NULL: never.
CREATE TABLE retained (topic TEXT PRIMARY KEY, expires INTEGER, body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX retained_expires ON retained (expires) WHERE expires IS NOT NULL;
