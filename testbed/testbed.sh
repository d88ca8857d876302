#!/usr/bin/env bash
# Real servers for the integration tests, on the loopback interface only.
# README.md beside this file says what there is and where it comes from.
set -euo pipefail

testbed=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR
source "$testbed/lib/common.sh"
source "$testbed/lib/axe.sh"
source "$testbed/lib/mosquitto.sh"
source "$testbed/lib/opensearch.sh"
source "$testbed/lib/opensearch-secure.sh"
source "$testbed/lib/opensearch-faults.sh"
source "$testbed/lib/elasticsearch.sh"
source "$testbed/lib/brokers.sh"
source "$testbed/lib/mosquitto-faults.sh"
source "$testbed/lib/nats.sh"
source "$testbed/lib/aedes.sh"
source "$testbed/lib/rabbitmq.sh"
source "$testbed/lib/hivemq.sh"
source "$testbed/lib/artemis.sh"
source "$testbed/lib/moquette.sh"
source "$testbed/lib/amqtt.sh"
source "$testbed/lib/homeassistant.sh"

# The servers that every change is tested with, and those that the conformance test of
# brokers and the test of Home Assistant need besides.
default=(mosquitto opensearch opensearch-secure opensearch-faults elasticsearch mosquitto-faults nats aedes)
interop=(mosquitto mosquitto-faults nats aedes rabbitmq hivemq artemis moquette amqtt homeassistant)
servers=("${default[@]}" rabbitmq hivemq artemis moquette amqtt homeassistant)

usage() {
  cat <<USAGE
usage: testbed.sh up [SERVER...]      start what is not running yet, and wait until it can be used
       testbed.sh down [SERVER...]    stop, and delete what the server stored
       testbed.sh kill SERVER SIGNAL  end it by a signal; up starts it again with what it has stored
       testbed.sh status              one line for each server; fails unless all are ready
       testbed.sh env                 print what the tests need to know of the running servers
SERVER is one of: ${servers[*]}.
interop stands for: ${interop[*]}.
up without a server starts: ${default[*]}.
down, status and env without a server are about all of them.
USAGE
}

# Every server has these functions, with its name in front: ports, port_variables,
# prepare (fetch and configure), start (in the background), ready (succeed when it can
# be used), variables (what the tests need to know). It may have stopped (clean up after down).
up() {
  local server
  for server in "$@"; do
    if running "$server"; then continue; fi
    free_ports "$server"
    say "$server: starting"
    "$server.prepare"
    "$server.start"
  done
  for server in "$@"; do
    await "$server"
    say "$server: ready"
  done
}

down() {
  local server
  for server in "$@"; do
    stop "$server"
    if declare -F "$server.stopped" >/dev/null; then "$server.stopped"; fi
    rm -rf "${run:?}/$server"
  done
}

status() {
  local server all=0
  for server in "${servers[@]}"; do
    if ! running "$server"; then
      [[ " ${default[*]} " == *" $server "* ]] || continue
      echo "$server: not running"
      all=1
    elif ! "$server.ready"; then
      echo "$server: running as process $(pid "$server"), not ready"
      all=1
    else
      echo "$server: ready on port $("$server.ports" | xargs), process $(pid "$server")"
    fi
  done
  return $all
}

variables() {
  local server
  for server in "${servers[@]}"; do
    if running "$server"; then "$server.variables"; fi
  done
  axe_variables
}

# export_line NAME VALUE prints an assignment that eval understands whatever is in VALUE.
export_line() { printf 'export PULLTRAIL_TEST_%s=%q\n' "$1" "$2"; }

chosen() {
  local server
  for server in "$@"; do
    case $server in
      all) printf '%s\n' "${servers[@]}" && continue ;;
      interop) printf '%s\n' "${interop[@]}" && continue ;;
    esac
    [[ " ${servers[*]} " == *" $server "* ]] || fail "there is no server $server: choose of ${servers[*]}, interop, or all"
    echo "$server"
  done
}

command=${1:-}
shift || true
case $command in
  up)
    list=$(chosen "${@:-${default[@]}}")
    mapfile -t list <<<"$list"
    lock
    up "${list[@]}"
    if [[ $# -eq 0 || $* == all ]]; then axe_install; fi
    ;;
  down)
    list=$(chosen "${@:-all}")
    mapfile -t list <<<"$list"
    lock
    down "${list[@]}"
    ;;
  kill)
    [[ $# -eq 2 ]] || fail "kill needs a server and a signal, such as: kill opensearch-faults KILL"
    list=$(chosen "$1")
    lock
    signal "$list" "$2"
    ;;
  status) status ;;
  env) variables ;;
  *)
    usage >&2
    exit 2
    ;;
esac
