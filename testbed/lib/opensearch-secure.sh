# OpenSearch with the security plugin and its demonstration set-up, as the official
# image has it: TLS, basic authentication, and a user with no more rights than needed.
# shellcheck shell=bash

secure_port=${TESTBED_OPENSEARCH_SECURE_PORT:-29201}
secure_home=$cache/opensearch-secure-$opensearch_version
# Passwords for a server that nobody else can reach and that keeps nothing: no secrets.
# The plugin insists on strong ones.
secure_admin_user=admin
secure_admin_password='Kettle-0f-gr4vel!'
secure_writer_user=writer
secure_writer_password='Bucket-0f-n4ils!'

opensearch-secure.ports() { echo "$secure_port"; }
opensearch-secure.port_variables() { echo TESTBED_OPENSEARCH_SECURE_PORT; }

opensearch-secure.prepare() {
  opensearch_install "$secure_home" -Psecurity
  opensearch_configure opensearch-secure "$secure_home" "$secure_port"
}

# secure_install HOME sets up the plugin that the profile "security" has unpacked.
secure_install() {
  local home=$1 plugin=$1/plugins/opensearch-security java
  # The plugin names a second one, which only its workload tags would use and which
  # is not published. Its library commons-collections4 is fetched beside it.
  sed -i 's/^extended\.plugins=.*/extended.plugins=/' "$plugin/plugin-descriptor.properties"
  mv "$plugin/config" "$home/config/opensearch-security"
  chmod +x "$plugin"/tools/*.sh
  java=$(java_home)
  OPENSEARCH_JAVA_HOME=$java OPENSEARCH_INITIAL_ADMIN_PASSWORD=$secure_admin_password \
    "$plugin/tools/install_demo_configuration.sh" -y -i -s >"$cache/security.log" 2>&1 ||
    fail "the security plugin could not be set up: $(tail -n 5 "$cache/security.log")"
  sed -i -e '/^network\.host/d' -e '/^node\.name/d' "$home/config/opensearch.yml"
}

opensearch-secure.start() { opensearch_start opensearch-secure "$secure_home"; }

secure_request() { # USER PASSWORD PATH [CURL OPTION...]
  local user=$1 password=$2 path=$3
  shift 3
  curl -sf --max-time 10 --cacert "$secure_home/config/root-ca.pem" -u "$user:$password" \
    "https://127.0.0.1:$secure_port$path" "$@" >/dev/null
}

# It is ready when the writer may do what it is for.
opensearch-secure.ready() {
  local health="/_cluster/health?wait_for_status=yellow&timeout=1s"
  secure_request "$secure_writer_user" "$secure_writer_password" "$health" && return
  secure_request "$secure_admin_user" "$secure_admin_password" "$health" || return
  secure_put roles/pulltrail_writer '{
    "cluster_permissions": ["cluster_monitor", "indices:data/write/bulk"],
    "index_permissions": [{"index_patterns": ["dockerhub-*"], "allowed_actions": ["create_index", "write"]}]}' &&
    secure_put "internalusers/$secure_writer_user" "{\"password\": \"$secure_writer_password\"}" &&
    secure_put rolesmapping/pulltrail_writer "{\"users\": [\"$secure_writer_user\"]}" &&
    secure_request "$secure_writer_user" "$secure_writer_password" "$health"
}

secure_put() {
  secure_request "$secure_admin_user" "$secure_admin_password" "/_plugins/_security/api/$1" \
    -X PUT -H 'Content-Type: application/json' -d "$2"
}

opensearch-secure.variables() {
  export_line OPENSEARCH_SECURE "https://127.0.0.1:$secure_port"
  export_line OPENSEARCH_SECURE_CA "$secure_home/config/root-ca.pem"
  export_line OPENSEARCH_SECURE_WRITER_USER "$secure_writer_user"
  export_line OPENSEARCH_SECURE_WRITER_PASSWORD "$secure_writer_password"
  export_line OPENSEARCH_SECURE_ADMIN_USER "$secure_admin_user"
  export_line OPENSEARCH_SECURE_ADMIN_PASSWORD "$secure_admin_password"
  # The certificate stands for a user who may do everything.
  export_line OPENSEARCH_SECURE_CERT "$secure_home/config/kirk.pem"
  export_line OPENSEARCH_SECURE_KEY "$secure_home/config/kirk-key.pem"
}
