# Home Assistant, connected to the testbed's Mosquitto as a user connects it.
# shellcheck shell=bash

homeassistant_port=${TESTBED_HOMEASSISTANT_PORT:-21900}
homeassistant_url=http://127.0.0.1:$homeassistant_port
# A password for a server that nobody else can reach and that keeps nothing: no secret.
homeassistant_password=throw-away-homeassistant

homeassistant.ports() { echo "$homeassistant_port"; }
homeassistant.port_variables() { echo TESTBED_HOMEASSISTANT_PORT; }

# homeassistant_python prints the Python that Home Assistant of requirements.txt needs.
homeassistant_python() {
  local program
  for program in ${TESTBED_HOMEASSISTANT_PYTHON:+"$TESTBED_HOMEASSISTANT_PYTHON"} python3.13 "$HOME"/.pyenv/versions/3.13.*/bin/python3.13; do
    "$program" -c 0 2>/dev/null && command -v "$program" && return
  done
  fail "homeassistant needs Python 3.13: name one in TESTBED_HOMEASSISTANT_PYTHON"
}

homeassistant.prepare() {
  local state=$run/homeassistant
  needs curl curl
  if [[ ! -d $cache/homeassistant ]]; then
    local python
    python=$(homeassistant_python)
    python_install homeassistant "$python"
  fi
  mkdir -p "$state/config"
  cat >"$state/config/configuration.yaml" <<CONF
http: {server_host: 127.0.0.1, server_port: $homeassistant_port}
api:
config:
CONF
}

# A Python below root's home directory can be run by root alone.
homeassistant.start() {
  local python=$cache/homeassistant/bin/python as_caller=
  (unprivileged "$python" -c 0) 2>/dev/null || as_caller=yes
  background homeassistant env HOME="$run/homeassistant" "$python" -m homeassistant -c "$run/homeassistant/config" --skip-pip
}

homeassistant.ready() {
  curl -sf --max-time 5 "$homeassistant_url/api/onboarding" >/dev/null || return
  [[ -s $run/homeassistant/refresh_token ]] || homeassistant_onboard
}

# homeassistant_onboard makes the first user and adds the MQTT integration.
homeassistant_onboard() {
  local answer code access refresh flow json='Content-Type: application/json'
  answer=$(curl -sf --max-time 30 -H "$json" "$homeassistant_url/api/onboarding/users" -d "{\"client_id\":\"$homeassistant_url/\",
    \"name\":\"testbed\",\"username\":\"testbed\",\"password\":\"$homeassistant_password\",\"language\":\"en\"}") || return
  code=$(member auth_code <<<"$answer")
  answer=$(curl -sf --max-time 30 "$homeassistant_url/auth/token" -d grant_type=authorization_code -d "code=$code" \
    --data-urlencode "client_id=$homeassistant_url/") || return
  access=$(member access_token <<<"$answer")
  refresh=$(member refresh_token <<<"$answer")
  flow=$(curl -sf --max-time 60 -H "Authorization: Bearer $access" -H "$json" -d '{"handler":"mqtt"}' \
    "$homeassistant_url/api/config/config_entries/flow" | member flow_id) || return
  answer=$(curl -sf --max-time 60 -H "Authorization: Bearer $access" -H "$json" -d "{\"broker\":\"127.0.0.1\",\"port\":$mosquitto_port}" \
    "$homeassistant_url/api/config/config_entries/flow/$flow") || return
  [[ $answer == *'"type":"create_entry"'* ]] || fail "homeassistant: the MQTT integration was not added: $answer"
  echo "$refresh" >"$run/homeassistant/refresh_token"
}

# member NAME prints a string of the JSON object in its input.
member() { sed -n 's/.*"'"$1"'": *"\([^"]*\)".*/\1/p'; }

homeassistant.variables() {
  export_line HOMEASSISTANT "$homeassistant_url"
  export_line HOMEASSISTANT_REFRESH_TOKEN "$(cat "$run/homeassistant/refresh_token")"
}
