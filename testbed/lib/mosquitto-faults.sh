# A second Mosquitto with stock settings, for the conformance test, which kills it.
# shellcheck shell=bash

mosquitto_faults_port=${TESTBED_MOSQUITTO_FAULTS_PORT:-21886}

mosquitto-faults.ports() { echo "$mosquitto_faults_port"; }
mosquitto-faults.port_variables() { echo TESTBED_MOSQUITTO_FAULTS_PORT; }

mosquitto-faults.prepare() {
  local state=$run/mosquitto-faults
  mosquitto_program >/dev/null || fail "mosquitto is missing: install it (Debian: apt-get install mosquitto)"
  mkdir -p "$state/data"
  cat >"$state/mosquitto.conf" <<CONF
listener $mosquitto_faults_port 127.0.0.1
allow_anonymous true
persistence true
persistence_location $state/data/
log_dest stdout
CONF
}

mosquitto-faults.start() { background mosquitto-faults "$(mosquitto_program)" -c "$run/mosquitto-faults/mosquitto.conf"; }
mosquitto-faults.ready() { mqtt_accepts "$mosquitto_faults_port"; }

# The program says its version only together with its help.
mosquitto-faults.variables() {
  broker_variables mosquitto-faults "$mosquitto_faults_port" "$("$(mosquitto_program)" -h | sed -n 's/^mosquitto version //p')"
}
