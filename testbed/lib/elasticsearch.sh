# Elasticsearch with security: TLS with an authority of its own, basic authentication,
# API keys, and a user with no more rights than needed.
# shellcheck shell=bash

elasticsearch_version=${TESTBED_ELASTICSEARCH_VERSION:-9.1.0}
elasticsearch_port=${TESTBED_ELASTICSEARCH_PORT:-29203}
elasticsearch_heap=${TESTBED_ELASTICSEARCH_HEAP:-512m}
elasticsearch_home=$cache/elasticsearch-$elasticsearch_version
elasticsearch_tls=$cache/elasticsearch-tls
# Passwords for a server that nobody else can reach and that keeps nothing: no secrets.
# The hashes are theirs, by bcrypt.
elasticsearch_admin_user=admin
elasticsearch_admin_password='Kettle-0f-gr4vel!'
elasticsearch_admin_hash='$2a$10$pGoEufi0MWXbx/VRybM4wuapVjRCT6FFqB8DK3Gw2aKD6.U9b7o2q'
elasticsearch_writer_user=writer
elasticsearch_writer_password='Bucket-0f-n4ils!'
elasticsearch_writer_hash='$2a$10$Gi/AgwGHkdBNbu6Aw8ElLuZu.YsrDKE597NLtfeM.Lw7CrZPSm56u'

elasticsearch.ports() { echo "$elasticsearch_port"; }
elasticsearch.port_variables() { echo TESTBED_ELASTICSEARCH_PORT; }

elasticsearch.prepare() {
  needs curl curl
  # Elasticsearch speaks to itself through it when it starts.
  (unprivileged test -w /tmp) || fail "elasticsearch: /tmp cannot be written by user $nobody: chmod 1777 /tmp"
  authority "$elasticsearch_tls"
  elasticsearch_install
  elasticsearch_configure
  elasticsearch_users
}

# elasticsearch_install fetches the official build, unless it is there. An installation
# that was interrupted is begun anew.
elasticsearch_install() {
  local new=$elasticsearch_home.new java
  [[ -d $elasticsearch_home ]] && return
  needs mvn maven
  java=$(java_home)
  [[ -x $java/bin/javac ]] || fail "$java has no compiler: install a JDK, not a JRE, or name one in OPENSEARCH_JAVA_HOME"
  say "fetching Elasticsearch $elasticsearch_version"
  rm -rf "$new"
  mvn -q -B -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -DoutputDirectory="$new" \
    -Dartifact="org.elasticsearch.distribution.integ-test-zip:elasticsearch:$elasticsearch_version:zip" >&2
  (cd "$new" && "$java/bin/jar" xf "elasticsearch-$elasticsearch_version.zip")
  elasticsearch_complete "$new/elasticsearch-$elasticsearch_version" "$java"
  chmod -R a+rX "$new"
  mv "$new/elasticsearch-$elasticsearch_version" "$elasticsearch_home"
  rm -rf "$new"
}

# elasticsearch_complete HOME JAVA compiles what the build lacks of the distribution.
elasticsearch_complete() {
  local home=$1 java=$2 plugin=$1/plugins/testbed
  chmod +x "$home"/bin/*
  mkdir -p "$plugin"
  "$java/bin/javac" --release 21 -nowarn -cp "$home/lib/*" -d "$home/classes" "$testbed/elasticsearch/MissingModules.java"
  "$java/bin/jar" --create --file "$plugin/testbed.jar" -C "$home/classes" .
  rm -r "$home/classes"
  cat >"$plugin/plugin-descriptor.properties" <<DESCRIPTOR
name=testbed
description=what the published build lacks
version=$elasticsearch_version
elasticsearch.version=$elasticsearch_version
java.version=21
classname=pulltrail.testbed.MissingModules
DESCRIPTOR
}

elasticsearch_configure() {
  local state=$run/elasticsearch
  mkdir -p "$state"/{data,logs,tmp}
  rm -rf "$state/config"
  cp -r "$elasticsearch_home/config" "$state/config"
  cp "$elasticsearch_tls"/{ca.pem,server.pem,server.key} "$state/config/"
  chmod -R go= "$state/config"
  # What the stock options write relative to the installation goes into the state.
  sed -i -e '/gc\.log/d' -e "s#=data\$#=$state/logs#" -e "s#hs_err#$state/logs/hs_err#" "$state/config/jvm.options"
  cat >>"$state/config/elasticsearch.yml" <<CONF

cluster.name: pulltrail-testbed
node.name: elasticsearch
path.data: $state/data
path.logs: $state/logs
network.host: 127.0.0.1
http.port: $elasticsearch_port
transport.port: $((elasticsearch_port + 100))
discovery.type: single-node
# The tests store little, and a developer's disk may well be fuller than a cluster's.
cluster.routing.allocation.disk.threshold_enabled: false
xpack.security.enabled: true
xpack.security.http.ssl.enabled: true
xpack.security.http.ssl.certificate: server.pem
xpack.security.http.ssl.key: server.key
xpack.security.http.ssl.certificate_authorities: [ca.pem]
CONF
}

# elasticsearch_users writes the files of the file realm, which needs no start.
elasticsearch_users() {
  local config=$run/elasticsearch/config
  cat >"$config/users" <<USERS
$elasticsearch_admin_user:$elasticsearch_admin_hash
$elasticsearch_writer_user:$elasticsearch_writer_hash
USERS
  cat >"$config/users_roles" <<ROLES
superuser:$elasticsearch_admin_user
pulltrail_writer:$elasticsearch_writer_user
ROLES
  cat >"$config/roles.yml" <<ROLES
pulltrail_writer:
  indices:
    - names: [ 'dockerhub-*' ]
      privileges: [ 'create_index', 'write' ]
ROLES
}

elasticsearch.start() {
  local state=$run/elasticsearch java
  java=$(java_home)
  # The variables keep everything that a JVM leaves behind inside the state.
  background elasticsearch env -u JAVA_HOME HOME="$state" \
    ES_JAVA_HOME="$java" ES_PATH_CONF="$state/config" ES_TMPDIR="$state/tmp" \
    ES_JAVA_OPTS="-Xms$elasticsearch_heap -Xmx$elasticsearch_heap -XX:-UsePerfData" \
    CLI_JAVA_OPTS="-Djava.io.tmpdir=$state/tmp -XX:-UsePerfData" \
    "$elasticsearch_home/bin/elasticsearch" -p "$state/elasticsearch.pid"
}

elasticsearch.ready() {
  curl -sf --max-time 5 --cacert "$elasticsearch_tls/ca.pem" -u "$elasticsearch_admin_user:$elasticsearch_admin_password" \
    "https://127.0.0.1:$elasticsearch_port/_cluster/health?wait_for_status=yellow&timeout=1s" >/dev/null
}

elasticsearch.variables() {
  export_line ELASTICSEARCH "https://127.0.0.1:$elasticsearch_port"
  export_line ELASTICSEARCH_CA "$elasticsearch_tls/ca.pem"
  export_line ELASTICSEARCH_FINGERPRINT "$(elasticsearch_fingerprint)"
  export_line ELASTICSEARCH_WRITER_USER "$elasticsearch_writer_user"
  export_line ELASTICSEARCH_WRITER_PASSWORD "$elasticsearch_writer_password"
  export_line ELASTICSEARCH_ADMIN_USER "$elasticsearch_admin_user"
  export_line ELASTICSEARCH_ADMIN_PASSWORD "$elasticsearch_admin_password"
}

# elasticsearch_fingerprint is that of the authority, as Elasticsearch prints it at its
# first start: SHA-256 in hexadecimal.
elasticsearch_fingerprint() {
  openssl x509 -in "$elasticsearch_tls/ca.pem" -outform der | sha256sum | cut -d' ' -f1
}
