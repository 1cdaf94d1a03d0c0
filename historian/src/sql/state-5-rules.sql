-- The mapping rules: one record, projected from the log like the asset tree.
CREATE TABLE rules (only INTEGER PRIMARY KEY CHECK (only = 1), body BLOB NOT NULL);
