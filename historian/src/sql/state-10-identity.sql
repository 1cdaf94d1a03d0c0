-- Accounts that log in at a provider of OpenID Connect, and have no password: whom it means by them.
CREATE TABLE identity (
  account TEXT PRIMARY KEY, issuer TEXT NOT NULL, subject TEXT NOT NULL, UNIQUE (issuer, subject)
) WITHOUT ROWID;
