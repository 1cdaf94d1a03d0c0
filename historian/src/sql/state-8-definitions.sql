-- What alarms mean, where an engineer has said so; projected from the log, by the alarm's id.
CREATE TABLE definition (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
