-- What the capture policy goes by. `bytes`: length of the samples as stored; `since`: when it was committed; `class`: what
-- was measured (the name of the unit's quantity); `stage`: 0 not looked at yet, 1 kept as its hour's, 2 kept as its day's;
-- `mark`: 1 near an alarm, 2 evidence of an alarm, 0 neither (as far as was looked).
ALTER TABLE waveform ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE waveform ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE waveform ADD COLUMN class TEXT NOT NULL DEFAULT '';
ALTER TABLE waveform ADD COLUMN stage INTEGER NOT NULL DEFAULT 0;
ALTER TABLE waveform ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;
UPDATE waveform SET since = t_received,
  bytes = coalesce((SELECT length(body) FROM samples WHERE samples.row = waveform.row), 0);
CREATE INDEX waveform_keep ON waveform (mark, class, stage, since);

-- What there is, by mark.
CREATE TABLE total (mark INTEGER PRIMARY KEY, records INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO total VALUES (0, 0, 0), (1, 0, 0), (2, 0, 0);
UPDATE total SET (records, bytes) = (SELECT count(*), coalesce(sum(bytes), 0) FROM waveform) WHERE mark = 0;
CREATE TRIGGER waveform_came AFTER INSERT ON waveform BEGIN
  UPDATE total SET records = records + 1, bytes = bytes + new.bytes WHERE mark = new.mark;
END;
CREATE TRIGGER waveform_went AFTER DELETE ON waveform BEGIN
  UPDATE total SET records = records - 1, bytes = bytes - old.bytes WHERE mark = old.mark;
END;
CREATE TRIGGER waveform_marked AFTER UPDATE OF mark ON waveform BEGIN
  UPDATE total SET records = records - 1, bytes = bytes - old.bytes WHERE mark = old.mark;
  UPDATE total SET records = records + 1, bytes = bytes + new.bytes WHERE mark = new.mark;
END;

-- What was dropped since the beginning, by reason.
CREATE TABLE dropped (reason TEXT PRIMARY KEY, records INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;

-- When alarms took a step, by machine: from the journal in state.db up to its entry (`journal_seq`, `journal_n`).
CREATE TABLE alarm_time (machine TEXT NOT NULL, t INTEGER NOT NULL, PRIMARY KEY (machine, t)) WITHOUT ROWID;

-- `told_*`: of what was dropped for want of room, how much an event has told, and on which day (since 1970).
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('journal_seq', 0), ('journal_n', 0), ('told_day', -1), ('told_records', 0), ('told_bytes', 0);
