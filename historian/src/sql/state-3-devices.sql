-- Who may connect to the MQTT door, written here directly. `role` is a word of whoever builds rights; `hash` is NULL
-- where a device has no password; times in nanoseconds since 1970. What were users become devices that may do what they
-- could: everything.
CREATE TABLE device (
  name TEXT PRIMARY KEY, role TEXT NOT NULL, site TEXT NOT NULL, subgroup TEXT NOT NULL, note TEXT NOT NULL,
  created INTEGER NOT NULL, revoked INTEGER, hash TEXT
) WITHOUT ROWID;
CREATE TABLE certificate (
  fingerprint TEXT PRIMARY KEY, device TEXT NOT NULL, serial TEXT NOT NULL, issued INTEGER NOT NULL,
  expires INTEGER NOT NULL, revoked INTEGER
) WITHOUT ROWID;
CREATE INDEX certificate_device ON certificate (device, issued);
INSERT INTO device SELECT name, 'unrestricted', '', '', 'was a user', unixepoch() * 1000000000, NULL, hash FROM user;
DROP TABLE user;
