#!/usr/bin/env bash
# Installs what the tests need beside Rust and Node: Debian packages, when this runs as root on Debian.
# Elsewhere it names what is missing and how to get it; each part that cannot run without says so itself.
set -euo pipefail

missing=()
for pair in mosquitto_pub:mosquitto-clients mosquitto:mosquitto nats-server:nats-server victoria-metrics:victoria-metrics openssl:openssl chromium:chromium python3:python3-venv; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing+=("${pair##*:}")
done
python3 -c 'import ensurepip' >/dev/null 2>&1 || missing+=(python3-venv)
# Chinese text in the browser's screenshots.
if command -v dpkg >/dev/null 2>&1; then
  dpkg -s fonts-noto-cjk >/dev/null 2>&1 || missing+=(fonts-noto-cjk)
fi

if [ "${#missing[@]}" -eq 0 ]; then
  echo "tools: all there"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "tools: installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "tools: missing ${missing[*]}; on Debian: sudo apt-get install ${missing[*]}"
fi
command -v node >/dev/null 2>&1 || { echo "tools: Node.js 20 or newer is needed to build the page (https://nodejs.org)"; exit 1; }
command -v cargo >/dev/null 2>&1 || { echo "tools: Rust 1.89 or newer is needed (https://rustup.rs)"; exit 1; }
