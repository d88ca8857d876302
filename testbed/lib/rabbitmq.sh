# RabbitMQ with its MQTT plugin, as a process of the testbed: Debian's service is not touched.
# shellcheck shell=bash

rabbitmq_port=${TESTBED_RABBITMQ_PORT:-21893}
rabbitmq_amqp_port=${TESTBED_RABBITMQ_AMQP_PORT:-21894}
rabbitmq_dist_port=${TESTBED_RABBITMQ_DIST_PORT:-21895}
rabbitmq_epmd_port=${TESTBED_RABBITMQ_EPMD_PORT:-21896}

rabbitmq.ports() { printf '%s\n' "$rabbitmq_port" "$rabbitmq_amqp_port" "$rabbitmq_dist_port"; }
rabbitmq.port_variables() { echo "TESTBED_RABBITMQ_PORT, TESTBED_RABBITMQ_AMQP_PORT or TESTBED_RABBITMQ_DIST_PORT"; }

rabbitmq_home() { printf '%s\n' /usr/lib/rabbitmq/lib/rabbitmq_server-* | sort -V | tail -n 1; }

rabbitmq.prepare() {
  local state=$run/rabbitmq
  [[ -x $(rabbitmq_home)/sbin/rabbitmq-server ]] || fail "rabbitmq-server is missing: install it (Debian: RUNLEVEL=1 apt-get install rabbitmq-server)"
  mkdir -p "$state"/{mnesia,log}
  echo '[rabbitmq_mqtt].' >"$state/enabled_plugins"
  # Only the loopback interface; anybody may connect, as at the other brokers.
  cat >"$state/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$rabbitmq_amqp_port
mqtt.listeners.tcp.1 = 127.0.0.1:$rabbitmq_port
mqtt.allow_anonymous = true
log.console = true
log.console.level = info
log.file = false
CONF
}

# The last argument names the state, by which the process is recognized.
rabbitmq.start() {
  local state=$run/rabbitmq
  background rabbitmq env HOME="$state" RABBITMQ_ALLOW_INPUT=1 RABBITMQ_CONF_ENV_FILE="$state/none" \
    RABBITMQ_NODENAME=pulltrail-testbed@localhost RABBITMQ_DIST_PORT="$rabbitmq_dist_port" ERL_EPMD_PORT="$rabbitmq_epmd_port" ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_CONFIG_FILE="$state/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$state/enabled_plugins" \
    RABBITMQ_MNESIA_BASE="$state/mnesia" RABBITMQ_LOG_BASE="$state/log" RABBITMQ_PID_FILE="$state/rabbitmq.pid" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-noinput -kernel inet_dist_use_interface {127,0,0,1} -pulltrail $state/" \
    "$(rabbitmq_home)/sbin/rabbitmq-server"
}

# The first start leaves Erlang's port mapper behind, which is not part of the process.
rabbitmq.stopped() {
  if hash epmd 2>/dev/null; then ERL_EPMD_PORT=$rabbitmq_epmd_port epmd -kill >/dev/null 2>&1 || true; fi
}

rabbitmq.ready() { mqtt_accepts "$rabbitmq_port"; }
rabbitmq.variables() { broker_variables rabbitmq "$rabbitmq_port" "$(basename "$(rabbitmq_home)" | sed 's/.*-//')"; }
