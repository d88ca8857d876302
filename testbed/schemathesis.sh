#!/usr/bin/env bash
# Holds a real daemon against its OpenAPI document with Schemathesis: once without a user
# and once with one. Fails when Schemathesis finds anything.
#
#   testbed/schemathesis.sh [SECONDS]   how long both runs may take together (100)
#
# It needs Go, curl and Python with venv. Schemathesis is installed into the cache.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$((${1:-100} / 2))
requirements=testbed/schemathesis-requirements.txt
venv=${XDG_CACHE_HOME:-$HOME/.cache}/pulltrail-ci/schemathesis-$(sha256sum $requirements | cut -c1-16)
work=$(mktemp -d)
daemon=

finish() {
  stop
  rm -rf "$work"
}
trap finish EXIT

# stop ends the daemon and waits for it.
stop() {
  if [[ -n $daemon ]]; then
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" || true
    daemon=
  fi
}

# address waits for the daemon to print where its page is.
address() {
  local try found
  for ((try = 0; try < 600; try++)); do
    found=$(grep -ohE 'http://127\.0\.0\.1:[0-9]+' "$work/log" | tail -n 1 || true)
    if [[ -n $found ]] && curl -fsS -o "$work/healthy" "$found/-/healthy" 2>"$work/curl"; then
      echo "$found"
      return
    fi
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/log" >&2
  return 1
}

# examine URL [OPTION...] runs Schemathesis against a daemon.
examine() {
  local url=$1
  shift
  env -C "$work" "$venv/bin/schemathesis" --config-file "$work/schemathesis.toml" run "$url/api/v1/openapi.json" --checks all --max-time "$seconds" --no-color "$@"
}

if [[ ! -e $venv/installed ]]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r $requirements
  touch "$venv/installed"
fi
go build -o "$work/pulltrail" .
touch "$work/schemathesis.toml"

echo "--- without a user"
env -C "$work" ./pulltrail demo --data-dir "$work/data" --listen 127.0.0.1:0 >"$work/log" 2>&1 &
daemon=$!
url=$(address)
examine "$url"
stop

# One of the demo's repositories, so that all that is asked of one reaches data.
cat >"$work/schemathesis.toml" <<CONFIG
[parameters]
"path.namespace" = "demo-harbour"
"path.name" = "beacon"
CONFIG

echo "--- with a user"
cat >"$work/config.yaml" <<CONFIG
data_dir: $work/data
log: {format: text}
collector:
  url: http://127.0.0.1:9
  run_on_start: false
  repositories: [library/no-such-repository]
mqtt: {embedded: {listen: "127.0.0.1:0"}}
web:
  listen: 127.0.0.1:0
  username: examiner
  password_hash: "$(echo examination | "$work/pulltrail" hash-password)"
CONFIG
env -C "$work" ./pulltrail run --config config.yaml >"$work/log" 2>&1 &
daemon=$!
url=$(address)
examine "$url" --auth examiner:examination
