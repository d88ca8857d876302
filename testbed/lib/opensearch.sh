# OpenSearch without security: plain HTTP.
# shellcheck shell=bash

opensearch_version=3.4.0
opensearch_port=${TESTBED_OPENSEARCH_PORT:-29200}
opensearch_heap=${TESTBED_OPENSEARCH_HEAP:-512m}

opensearch.ports() { echo "$opensearch_port"; }
opensearch.port_variables() { echo TESTBED_OPENSEARCH_PORT; }

opensearch.prepare() {
  opensearch_install "$cache/opensearch-$opensearch_version"
  opensearch_configure opensearch "$cache/opensearch-$opensearch_version" "$opensearch_port"
}

opensearch.start() { opensearch_start opensearch "$cache/opensearch-$opensearch_version"; }

opensearch.ready() {
  curl -sf --max-time 5 "http://127.0.0.1:$opensearch_port/_cluster/health?wait_for_status=yellow&timeout=1s" >/dev/null
}

opensearch.variables() { export_line OPENSEARCH "http://127.0.0.1:$opensearch_port"; }

# opensearch_install HOME [MAVEN OPTION...] fetches the official build and completes
# it, unless it is there. An installation that was interrupted is begun anew.
opensearch_install() {
  local home=$1
  shift
  [[ -d $home ]] && return
  needs mvn maven
  needs curl curl
  say "fetching OpenSearch $opensearch_version"
  rm -rf "$home.new"
  mvn -q -B -Dstyle.color=never -f "$testbed/opensearch/pom.xml" -Dopensearch.version="$opensearch_version" \
    -Dtestbed.target="$home.new" "$@" process-resources >&2
  describe_modules "$home.new/opensearch-$opensearch_version"
  if [[ " $* " == *" -Psecurity "* ]]; then secure_install "$home.new/opensearch-$opensearch_version"; fi
  chmod -R a+rX "$home.new"
  mv "$home.new/opensearch-$opensearch_version" "$home"
  rm -rf "$home.new"
}

# describe_modules HOME writes the descriptors that the modules' jars come without.
describe_modules() {
  local name class extends
  while read -r name class extends; do
    cat >"$1/modules/$name/plugin-descriptor.properties" <<DESCRIPTOR
name=$name
description=$name
version=$opensearch_version
opensearch.version=$opensearch_version
java.version=21
classname=org.opensearch.$class
extended.plugins=$extends
has.native.controller=false
custom.foldername=
DESCRIPTOR
  done <<MODULES
lang-painless painless.PainlessModulePlugin
analysis-common analysis.common.CommonAnalysisModulePlugin lang-painless
ingest-common ingest.common.IngestCommonModulePlugin lang-painless
reindex index.reindex.ReindexModulePlugin
mapper-extras index.mapper.MapperExtrasModulePlugin
parent-join join.ParentJoinModulePlugin
aggs-matrix-stats search.aggregations.matrix.MatrixAggregationModulePlugin
lang-mustache script.mustache.MustacheModulePlugin
MODULES
}

# opensearch_configure SERVER HOME PORT
opensearch_configure() {
  local state=$run/$1
  mkdir -p "$state"/{data,logs,tmp}
  rm -rf "$state/config"
  cp -r "$2/config" "$state/config"
  chmod -R go= "$state/config"
  # What the stock options write relative to the installation goes into the state.
  sed -i -e '/gc\.log/d' -e "s#=data\$#=$state/logs#" -e "s#logs/#$state/logs/#" "$state/config/jvm.options"
  cat >>"$state/config/opensearch.yml" <<CONF

cluster.name: pulltrail-testbed
node.name: $1
path.data: $state/data
path.logs: $state/logs
network.host: 127.0.0.1
http.port: $3
transport.port: $(($3 + 100))
discovery.type: single-node
# The tests store little, and a developer's disk may well be fuller than a cluster's.
cluster.routing.allocation.disk.threshold_enabled: false
CONF
}

# opensearch_start SERVER HOME
opensearch_start() {
  local state=$run/$1 java
  java=$(java_home)
  # The variables keep everything that a JVM leaves behind inside the state.
  background "$1" env -u JAVA_HOME HOME="$state" \
    OPENSEARCH_JAVA_HOME="$java" OPENSEARCH_PATH_CONF="$state/config" OPENSEARCH_TMPDIR="$state/tmp" \
    OPENSEARCH_JAVA_OPTS="-Xms$opensearch_heap -Xmx$opensearch_heap -XX:-UsePerfData" \
    JDK_JAVA_OPTIONS="-Djava.io.tmpdir=$state/tmp -XX:-UsePerfData" \
    "$2/bin/opensearch" -p "$state/opensearch.pid"
}
