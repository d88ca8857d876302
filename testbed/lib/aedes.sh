# aedes with its default persistence, which is in memory.
# shellcheck shell=bash

aedes_port=${TESTBED_AEDES_PORT:-21892}
aedes_home=$cache/aedes

aedes.ports() { echo "$aedes_port"; }
aedes.port_variables() { echo TESTBED_AEDES_PORT; }

aedes.prepare() {
  mkdir -p "$run/aedes"
  # What an older lock file asked for is fetched again.
  if ! cmp -s "$testbed/aedes/package-lock.json" "$aedes_home/package-lock.json" || [[ ! -d $aedes_home/node_modules/aedes ]]; then
    needs npm npm
    say "fetching aedes"
    rm -rf "$aedes_home"
    mkdir -p "$aedes_home"
    cp "$testbed"/aedes/package*.json "$aedes_home/"
    (cd "$aedes_home" && npm ci --silent --no-audit --no-fund --ignore-scripts >&2)
    chmod -R a+rX "$aedes_home"
  fi
  cp "$testbed/aedes/server.mjs" "$aedes_home/"
}

aedes.start() { background aedes node "$aedes_home/server.mjs" "$aedes_port" "$run/aedes/"; }
aedes.ready() { mqtt_accepts "$aedes_port"; }
aedes.variables() { broker_variables aedes "$aedes_port" "$(sed -n 's/.*"aedes": "\(.*\)".*/\1/p' "$testbed/aedes/package.json")"; }
