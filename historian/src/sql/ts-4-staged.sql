-- Messages that are only a part of something, until the whole is there or given up. Not in the log: nobody follows them.
CREATE TABLE staged (key TEXT PRIMARY KEY, body BLOB NOT NULL);
