# Mosquitto with three listeners: plain and WebSockets for anybody, and TLS with a password.
# shellcheck shell=bash

mosquitto_port=${TESTBED_MOSQUITTO_PORT:-21883}
mosquitto_tls_port=${TESTBED_MOSQUITTO_TLS_PORT:-21884}
mosquitto_ws_port=${TESTBED_MOSQUITTO_WS_PORT:-21885}
# A password for a server that nobody else can reach and that keeps nothing: no secret.
mosquitto_user=testbed
mosquitto_password=throw-away-mosquitto
mosquitto_tls=$cache/mosquitto-tls

mosquitto.ports() { printf '%s\n' "$mosquitto_port" "$mosquitto_tls_port" "$mosquitto_ws_port"; }
mosquitto.port_variables() { echo "TESTBED_MOSQUITTO_PORT, TESTBED_MOSQUITTO_TLS_PORT or TESTBED_MOSQUITTO_WS_PORT"; }

# Debian keeps the broker where only root's PATH looks.
mosquitto_program() { PATH=$PATH:/usr/sbin:/usr/local/sbin command -v mosquitto; }

mosquitto.prepare() {
  local state=$run/mosquitto
  mosquitto_program >/dev/null || fail "mosquitto is missing: install it (Debian: apt-get install mosquitto)"
  needs mosquitto_sub mosquitto-clients
  needs mosquitto_passwd mosquitto
  authority "$mosquitto_tls"
  mkdir -p "$state/data"
  cp "$mosquitto_tls"/{ca.pem,server.pem,server.key} "$state/"
  rm -f "$state/passwords"
  mosquitto_passwd -b -c "$state/passwords" "$mosquitto_user" "$mosquitto_password"
  # All limits are the stock ones, because those are what users have.
  cat >"$state/mosquitto.conf" <<CONF
per_listener_settings true
persistence true
persistence_location $state/data/
log_dest stdout

listener $mosquitto_port 127.0.0.1
allow_anonymous true

listener $mosquitto_tls_port 127.0.0.1
allow_anonymous false
password_file $state/passwords
cafile $state/ca.pem
certfile $state/server.pem
keyfile $state/server.key

listener $mosquitto_ws_port 127.0.0.1
protocol websockets
allow_anonymous true
CONF
}

mosquitto.start() { background mosquitto "$(mosquitto_program)" -c "$run/mosquitto/mosquitto.conf"; }

# -E ends the subscriber as soon as the broker has accepted the subscription.
mosquitto.ready() {
  timeout 5 mosquitto_sub -h 127.0.0.1 -p "$mosquitto_port" -t testbed/ready -E >/dev/null 2>&1 &&
    timeout 5 mosquitto_sub -h 127.0.0.1 -p "$mosquitto_tls_port" --cafile "$mosquitto_tls/ca.pem" \
      -u "$mosquitto_user" -P "$mosquitto_password" -t testbed/ready -E >/dev/null 2>&1 &&
    (exec 3<>"/dev/tcp/127.0.0.1/$mosquitto_ws_port") 2>/dev/null
}

mosquitto.variables() {
  export_line MOSQUITTO "mqtt://127.0.0.1:$mosquitto_port"
  export_line MOSQUITTO_WS "ws://127.0.0.1:$mosquitto_ws_port"
  export_line MOSQUITTO_BIN "$(mosquitto_program)"
  export_line MOSQUITTO_TLS "mqtts://127.0.0.1:$mosquitto_tls_port"
  export_line MOSQUITTO_TLS_CA "$mosquitto_tls/ca.pem"
  export_line MOSQUITTO_TLS_USER "$mosquitto_user"
  export_line MOSQUITTO_TLS_PASSWORD "$mosquitto_password"
}
