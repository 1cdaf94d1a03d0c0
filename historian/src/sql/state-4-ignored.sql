-- Unknown names that a person does not want to be offered, projected from the log; `point` '': the whole machine.
CREATE TABLE ignored (machine TEXT NOT NULL, point TEXT NOT NULL, PRIMARY KEY (machine, point)) WITHOUT ROWID;
