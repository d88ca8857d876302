# amqtt with its default settings: sessions and retained messages are in memory.
# shellcheck shell=bash

amqtt_port=${TESTBED_AMQTT_PORT:-21889}

amqtt.ports() { echo "$amqtt_port"; }
amqtt.port_variables() { echo TESTBED_AMQTT_PORT; }

amqtt.prepare() {
  local state=$run/amqtt
  local python
  python=$(python_program 3) || fail "amqtt needs a python3 that user $nobody can run (Debian: apt-get install python3-venv)"
  python_install amqtt "$python"
  mkdir -p "$state"
  cat >"$state/broker.yaml" <<CONF
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:$amqtt_port
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
CONF
}

amqtt.start() { background amqtt "$cache/amqtt/bin/python" -m amqtt.scripts.broker_script -c "$run/amqtt/broker.yaml"; }
amqtt.ready() { mqtt_accepts "$amqtt_port"; }
amqtt.variables() { broker_variables amqtt "$amqtt_port" "$(sed -n 's/^amqtt==//p' "$testbed/amqtt/requirements.txt")"; }
