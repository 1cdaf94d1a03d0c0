#!/usr/bin/env bash
# Licences, sources and banned crates by cargo-deny; advisories too where their database can be fetched.
set -euo pipefail
if ! command -v cargo-deny >/dev/null 2>&1; then
  echo "deny: installing cargo-deny"
  cargo install --quiet --locked cargo-deny
fi
cargo deny --all-features --log-level error check licenses bans sources
# The database is a git repository; without a network that reaches it, this part is left out and said so.
if cargo deny --all-features --log-level error check advisories 2>target/deny-advisories.log; then
  echo "deny: advisories clean"
elif grep -qiE 'failed to (fetch|clone|open)|unable to|could not|network|connect' target/deny-advisories.log \
  && ! grep -qE '^error\[(vulnerability|unsound|unmaintained|yanked|notice)' target/deny-advisories.log; then
  echo "deny: advisories NOT checked: their database could not be fetched from here"
else
  cat target/deny-advisories.log
  exit 1
fi
