#!/usr/bin/env bash
# InfluxDB 2 and Grafana, set up: secrets, organisation, bucket, a token for Danxia and one for Grafana. Run again, it
# leaves alone what is there. Settings by environment: INFLUXDB_ORG, INFLUXDB_BUCKET, INFLUXDB_RETENTION (0 is for ever),
# INFLUXDB_PORT, GRAFANA_PORT.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

org=${INFLUXDB_ORG:-plant}
bucket=${INFLUXDB_BUCKET:-danxia}
port=${INFLUXDB_PORT:-8086}

command -v docker >/dev/null 2>&1 || { echo "docker is missing: https://docs.docker.com/engine/install/" >&2; exit 1; }
docker compose version >/dev/null 2>&1 || { echo "docker compose is missing: https://docs.docker.com/compose/install/" >&2; exit 1; }

# Nobody else looks into the directory; the users inside the containers read the files that are mounted from it.
install -d -m 0700 secrets
secret() {
  [ -s "secrets/$1" ] || { head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n' >"secrets/$1"; chmod 0644 "secrets/$1"; }
}
secret influxdb-password
secret influxdb-admin-token
secret grafana-password
# Filled in below; compose wants the file to be there.
[ -e secrets/grafana-token ] || install -m 0644 /dev/null secrets/grafana-token

docker compose up --detach --wait influxdb

influx() { docker compose exec -T influxdb influx "$@" --host http://127.0.0.1:8086 --token "$(cat secrets/influxdb-admin-token)"; }
id=$(influx bucket list --org "$org" --name "$bucket" --hide-headers | cut -f 1)
[ -n "$id" ] || { echo "there is no bucket $bucket in $org: see docker compose logs influxdb" >&2; exit 1; }

# token FILE MODE NAME RIGHTS…: a token with these rights and no others.
token() {
  local file=secrets/$1 mode=$2 name=$3
  shift 3
  [ -s "$file" ] && return
  local made
  made=$(influx auth create --org "$org" --description "$name" "$@" --json | sed -n 's/^[[:space:]]*"token": "\([^"]*\)".*/\1/p')
  [ -n "$made" ] || { echo "InfluxDB made no token for $name: see docker compose logs influxdb" >&2; exit 1; }
  printf '%s' "$made" >"$file.new"
  chmod "$mode" "$file.new"
  mv "$file.new" "$file"
}
token danxia-token 0600 danxia --read-bucket "$id" --write-bucket "$id"
token grafana-token 0644 grafana --read-bucket "$id"

docker compose up --detach --wait grafana

cat <<TEXT
InfluxDB: http://127.0.0.1:$port/ (admin, password in $PWD/secrets/influxdb-password)
Grafana:  http://127.0.0.1:${GRAFANA_PORT:-3000}/ (admin, password in $PWD/secrets/grafana-password)

Put this into the settings of Danxia, start it again, and run \`danxia doctor\`:

[influx]
url = "http://127.0.0.1:$port"
org = "$org"
bucket = "$bucket"
token_file = "$PWD/secrets/danxia-token"
TEXT
