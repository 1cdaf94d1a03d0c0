#!/usr/bin/env bash
# Runs every fuzz target for so many seconds (600 unless told), two at a time, and prints what each did as a table.
# The parsers hold no unsafe code of ours, so no sanitizer is built in: what is looked for is panics, hangs and memory.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
seconds=${1:-600}
targets=$(sed -n 's/^name = "\(.*\)"/\1/p' Cargo.toml | grep -v '^fuzz$')
command -v cargo-fuzz >/dev/null || { echo "fuzz: cargo-fuzz is needed: cargo install cargo-fuzz --locked"; exit 1; }
cargo +nightly fuzz build --sanitizer none -O
out=$(mktemp -d)
export seconds out
one() {
  local target=$1
  mkdir -p "corpus/$target"
  local seeds=()
  [ -d "seeds/$target" ] && seeds=("seeds/$target")
  if cargo +nightly fuzz run --sanitizer none -O "$target" "corpus/$target" "${seeds[@]}" -- \
      -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 >"$out/$target" 2>&1; then
    verdict=clean
  else
    verdict=FAILED
  fi
  local executions coverage
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$target")
  coverage=$(grep -o 'cov: [0-9]*' "$out/$target" | tail -1 | cut -d' ' -f2)
  echo "| $target | $seconds | ${executions:-?} | ${coverage:-?} | $verdict |"
  [ "$verdict" = clean ] || tail -40 "$out/$target" >&2
}
export -f one
echo "| target | seconds | executions | edges covered | result |"
echo "|---|---|---|---|---|"
printf '%s\n' $targets | xargs -P 2 -I{} bash -c 'one {}'
