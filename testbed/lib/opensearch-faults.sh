# A second OpenSearch without security, for the tests that kill it: the others go on.
# shellcheck shell=bash

faults_port=${TESTBED_OPENSEARCH_FAULTS_PORT:-29202}

opensearch-faults.ports() { echo "$faults_port"; }
opensearch-faults.port_variables() { echo TESTBED_OPENSEARCH_FAULTS_PORT; }

opensearch-faults.prepare() {
  opensearch_install "$cache/opensearch-$opensearch_version"
  opensearch_configure opensearch-faults "$cache/opensearch-$opensearch_version" "$faults_port"
}

opensearch-faults.start() { opensearch_start opensearch-faults "$cache/opensearch-$opensearch_version"; }

opensearch-faults.ready() {
  curl -sf --max-time 5 "http://127.0.0.1:$faults_port/_cluster/health?wait_for_status=yellow&timeout=1s" >/dev/null
}

opensearch-faults.variables() { export_line OPENSEARCH_FAULTS "http://127.0.0.1:$faults_port"; }
