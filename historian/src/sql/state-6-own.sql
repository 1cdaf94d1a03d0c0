-- What a device may publish and subscribe to beside its role: templates, `way` 0 to publish and 1 to subscribe, in the order
-- `n` in which they were given.
CREATE TABLE own (
  device TEXT NOT NULL, way INTEGER NOT NULL, n INTEGER NOT NULL, template TEXT NOT NULL, PRIMARY KEY (device, way, n)
) WITHOUT ROWID;
