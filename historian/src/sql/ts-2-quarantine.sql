-- By what the quarantine is looked through. `held`: how many bytes of the payload are kept; `complete`: 1 where that is
-- all of it; `discarded`: what a person said who did not need it, NULL while it waits.
ALTER TABLE quarantine ADD COLUMN topic TEXT NOT NULL DEFAULT '';
ALTER TABLE quarantine ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE quarantine ADD COLUMN t INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN complete INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN discarded TEXT;
CREATE INDEX quarantine_waits ON quarantine (code, topic, t, complete) WHERE discarded IS NULL;

-- What of a payload does not stand in the entry itself: lists are read without touching it.
CREATE TABLE quarantine_rest (id INTEGER PRIMARY KEY, body BLOB NOT NULL);

-- `count`: what came and has not been released, also what is no longer kept; `discarded`: how many of them a person
-- did not need; `first`: when the first one came.
ALTER TABLE quarantine_group ADD COLUMN discarded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine_group ADD COLUMN first INTEGER NOT NULL DEFAULT 0;

-- Bytes of payloads kept; how many payloads were cut to their first 4 KiB, and how many entries dropped, for want of room.
INSERT INTO meta VALUES ('quarantine_bytes', 0), ('quarantine_cut', 0), ('quarantine_dropped', 0);
