# What all servers have in common: where things are, processes, waiting.
# shellcheck shell=bash

# The servers run as this user and group where the caller is root: the clusters refuse
# to be root, and Mosquitto has no need to be.
nobody=65534

say() { echo "testbed: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

# needs COMMAND PACKAGE
needs() { command -v "$1" >/dev/null || fail "$1 is missing: install $2 (Debian: apt-get install $2)"; }

as_root() { [[ $(id -u) -eq 0 ]]; }

# unprivileged COMMAND... runs it in place of this shell, without root's rights unless
# as_caller is set.
unprivileged() {
  if as_root && [[ -z ${as_caller:-} ]]; then
    exec setpriv --reuid=$nobody --regid=$nobody --clear-groups "$@"
  fi
  exec "$@"
}

# State and downloads stand beside the scripts, unless the servers' user cannot go
# there, as in a checkout below /root.
place() {
  if [[ -n ${TESTBED_DIR:-} ]]; then
    mkdir -p "$TESTBED_DIR" && cd "$TESTBED_DIR" && pwd
  elif as_root && ! (unprivileged test -x "$testbed"); then
    echo "/var/tmp/pulltrail-testbed-$(cksum <<<"$testbed" | cut -d' ' -f1)"
  else
    echo "$testbed"
  fi
}
base=$(place)
run=$base/.run
cache=$base/.cache

# lock makes a second up or down wait for the first. The servers must not inherit it,
# so they are started with 9>&-.
lock() {
  mkdir -p "$run" "$cache"
  exec 9>"$run/lock"
  flock 9
}

# pid SERVER prints the process that runs it. A number that was given to another
# process since does not count, nor does a process that has ended unnoticed.
pid() {
  local number
  number=$(cat "$run/$1/pid" 2>/dev/null) || return 1
  grep -qsaF "$run/$1/" "/proc/$number/cmdline" || return 1
  echo "$number"
}

running() { pid "$1" >/dev/null; }

# background SERVER COMMAND... leaves a server running after this script.
background() {
  local server=$1 state=$run/$1 tries=0
  shift
  if as_root; then chown -R $nobody:$nobody "$state"; fi
  (unprivileged setsid "$@") </dev/null >"$state/output.log" 2>&1 9>&- &
  echo $! >"$state/pid"
  # Until it has become that command it cannot be told from another process.
  until running "$server" || ((++tries > 250)); do sleep 0.02; done
}

# free_ports SERVER fails where another program has a port of it. A helper process of a
# server that was killed may have one for some seconds longer.
free_ports() {
  local port deadline=$((SECONDS + 10))
  for port in $("$1.ports"); do
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
      ((SECONDS < deadline)) ||
        fail "$1: port $port is in use by another program; choose another with $("$1.port_variables")"
      sleep 0.1
    done
  done
}

# await SERVER waits until it is ready; it gives up at once when the process ends.
await() {
  local deadline=$((SECONDS + ${TESTBED_WAIT:-180}))
  until "$1.ready"; do
    if ! running "$1"; then
      say "$1: the process has ended; the end of its output:"
      tail -n 30 "$run/$1/output.log" >&2
      return 1
    fi
    if ((SECONDS > deadline)); then
      say "$1: not ready in time (TESTBED_WAIT is ${TESTBED_WAIT:-180} seconds); the end of its output:"
      tail -n 30 "$run/$1/output.log" >&2
      return 1
    fi
    sleep 0.2
  done
}

# stop SERVER asks it to end, waits, and insists after half a minute.
stop() {
  local number deadline=$((SECONDS + 30))
  number=$(pid "$1") || return 0
  kill "$number" 2>/dev/null || true
  while running "$1"; do
    if ((SECONDS > deadline)); then kill -9 "$number" 2>/dev/null || true; fi
    sleep 0.1
  done
  say "$1: stopped"
}

# signal SERVER SIGNAL sends it and waits for the end of the process.
signal() {
  local number
  number=$(pid "$1") || fail "$1: not running"
  kill -s "$2" "$number"
  while running "$1"; do sleep 0.05; done
}

# authority DIR makes a certification authority and a server's certificate, once, and
# again when they are about to expire: ca.pem, server.pem (with the authority's behind
# it, as servers send it) and server.key.
authority() {
  local dir=$1
  needs openssl openssl
  openssl x509 -in "$dir/server.pem" -noout -checkend 86400 >/dev/null 2>&1 && return
  rm -rf "$dir" "$dir.new"
  mkdir -p "$dir.new"
  (
    cd "$dir.new"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=Pulltrail testbed CA" \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -out server.pem \
      -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n')
    cat ca.pem >>server.pem
    rm ca.key server.csr # nothing else is ever signed
  ) 2>"$cache/openssl.log" || fail "openssl failed: $(cat "$cache/openssl.log")"
  mv "$dir.new" "$dir"
}

# java_home prints the newest Java that can run OpenSearch 3 and Elasticsearch 9.
java_home() {
  local dir version best=0 found=
  if [[ -n ${OPENSEARCH_JAVA_HOME:-} ]]; then
    echo "$OPENSEARCH_JAVA_HOME"
    return
  fi
  for dir in ${JAVA_HOME:+"$JAVA_HOME"} /usr/lib/jvm/*; do
    [[ -x $dir/bin/java && -r $dir/release ]] || continue
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$dir/release")
    if ((${version:-0} >= 21 && version > best)); then best=$version found=$dir; fi
  done
  [[ -n $found ]] || fail "the clusters need Java 21 or newer, and there is none in /usr/lib/jvm: install one, or name it in OPENSEARCH_JAVA_HOME"
  echo "$found"
}
