# NATS server with its MQTT listener, which stores sessions and retained messages in JetStream.
# shellcheck shell=bash

nats_version=v2.15.3
nats_port=${TESTBED_NATS_PORT:-21890}
nats_client_port=${TESTBED_NATS_CLIENT_PORT:-21891}
nats_home=$cache/nats-$nats_version

nats.ports() { printf '%s\n' "$nats_port" "$nats_client_port"; }
nats.port_variables() { echo "TESTBED_NATS_PORT or TESTBED_NATS_CLIENT_PORT"; }

nats.prepare() {
  local state=$run/nats
  nats_install
  mkdir -p "$state/data"
  cat >"$state/nats.conf" <<CONF
server_name: testbed
listen: "127.0.0.1:$nats_client_port"
jetstream { store_dir: "$state/data" }
mqtt { listen: "127.0.0.1:$nats_port" }
CONF
}

nats_install() {
  [[ -x $nats_home/nats-server ]] && return
  needs go golang
  say "building NATS server $nats_version"
  GOBIN=$nats_home go install "github.com/nats-io/nats-server/v2@$nats_version" >&2
}

nats.start() { background nats "$nats_home/nats-server" -c "$run/nats/nats.conf"; }
nats.ready() { mqtt_accepts "$nats_port"; }
nats.variables() { broker_variables nats "$nats_port" "${nats_version#v}"; }
