-- What the points of a machine said together, by the time of the newest record that it rests on.
CREATE TABLE assessment (id INTEGER PRIMARY KEY, machine TEXT NOT NULL, t INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX assessment_machine ON assessment (machine, t);
CREATE INDEX assessment_t ON assessment (t);
