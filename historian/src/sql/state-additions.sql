-- The mapping rules: one record, projected from the log like the asset tree.
CREATE TABLE IF NOT EXISTS rules (only INTEGER PRIMARY KEY CHECK (only = 1), body BLOB NOT NULL);
