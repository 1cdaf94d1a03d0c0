-- One row a waveform; `seq` is the commit that carried it. A row whose commit is not in the log's past is not there.
CREATE TABLE waveform (
  row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, point TEXT NOT NULL, t0 INTEGER NOT NULL, t_received INTEGER NOT NULL,
  seq INTEGER NOT NULL, fs REAL NOT NULL, n INTEGER NOT NULL, unit TEXT NOT NULL, rpm REAL, meta BLOB NOT NULL
);
CREATE INDEX waveform_point ON waveform (point, t0);
CREATE INDEX waveform_seq ON waveform (seq);

-- Lists are read without touching samples.
CREATE TABLE samples (row INTEGER PRIMARY KEY, body BLOB NOT NULL);
