-- Work orders, notes and photos. The first two are projected from the log; photos are written directly, and only then
-- does a work order refer to them.
CREATE TABLE work_order (
    number INTEGER PRIMARY KEY, machine TEXT NOT NULL, alarm INTEGER, condition TEXT, point TEXT, fault TEXT,
    state TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX work_order_machine ON work_order (machine);
CREATE INDEX work_order_alarm ON work_order (alarm) WHERE alarm IS NOT NULL;
CREATE TABLE note (number INTEGER PRIMARY KEY, machine TEXT NOT NULL, alarm INTEGER, body BLOB NOT NULL);
CREATE INDEX note_machine ON note (machine);
CREATE TABLE photo (id BLOB PRIMARY KEY, t INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE work_photo (number INTEGER NOT NULL, photo BLOB NOT NULL, PRIMARY KEY (number, photo)) WITHOUT ROWID;
CREATE INDEX work_photo_photo ON work_photo (photo);
