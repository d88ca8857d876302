# Functions shared by the MQTT brokers that the conformance test runs against.
# shellcheck shell=bash

# mqtt_accepts PORT succeeds when a broker accepts a connection with MQTT 3.1.1.
mqtt_accepts() {
  local answer
  answer=$(timeout 5 bash -c '
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf "\x10\x13\x00\x04MQTT\x04\x02\x00\x0a\x00\x07testbed" >&3
    head -c 4 <&3 | od -An -tx1' mqtt "$1" 2>/dev/null) && [[ $answer == " 20 02 00 00" ]]
}

# broker_variables SERVER PORT VERSION
broker_variables() {
  local name=${1%-faults}
  export_line "BROKER_${name^^}" "mqtt://127.0.0.1:$2"
  export_line "BROKER_${name^^}_VERSION" "$3"
}

# java_broker_install SERVER VERSION fetches the jars of one profile of java/pom.xml, unless
# they are there.
java_broker_install() {
  local home=$cache/$1-$2
  [[ -d $home ]] && return
  needs mvn maven
  say "fetching $1 $2"
  rm -rf "$home.new"
  mvn -q -B -Dstyle.color=never -f "$testbed/java/pom.xml" -P "$1" -Dbroker.version="$2" \
    -Dtestbed.target="$home.new" process-resources >&2
  chmod -R a+rX "$home.new"
  mv "$home.new" "$home"
}

# java_broker_start SERVER VERSION MAIN PORT runs one file of java/ from its source.
java_broker_start() {
  local state=$run/$1 java
  java=$(java_home)
  mkdir -p "$state/data" "$state/tmp"
  cp "$testbed/java/$3.java" "$state/"
  background "$1" env HOME="$state" "$java/bin/java" -Xmx384m -XX:-UsePerfData -Djava.io.tmpdir="$state/tmp" \
    --add-opens java.base/java.nio=ALL-UNNAMED --add-opens java.base/sun.nio.ch=ALL-UNNAMED --add-opens java.base/java.lang=ALL-UNNAMED \
    --sun-misc-unsafe-memory-access=allow --enable-native-access=ALL-UNNAMED \
    -cp "$cache/$1-$2/*" "$state/$3.java" "$state" "$4"
}

# python_program VERSION prints the path of a Python that the servers' user can run.
python_program() {
  local program
  for program in $(type -ap "python$1"); do
    (unprivileged "$program" -c 0) 2>/dev/null && echo "$program" && return
  done
  return 1
}

# python_install NAME PYTHON makes a virtual environment from NAME/requirements.txt, unless it is there.
python_install() {
  local home=$cache/$1
  [[ -d $home ]] && return
  say "fetching $1"
  rm -rf "$home.new"
  "$2" -m venv "$home.new" || fail "$1: $2 has no venv (Debian: apt-get install python3-venv)"
  # Its scripts have its path in them, and do not work after the move. Its interpreter does.
  "$home.new/bin/python" -m pip install -q --disable-pip-version-check --no-input --no-deps -r "$testbed/$1/requirements.txt" >&2
  chmod -R a+rX "$home.new"
  mv "$home.new" "$home"
}
