# Moquette, embedded in Moquette.java, with its default persistence in files, which it saves every 30 seconds.
# shellcheck shell=bash

moquette_version=0.17
moquette_port=${TESTBED_MOQUETTE_PORT:-21899}

moquette.ports() { echo "$moquette_port"; }
moquette.port_variables() { echo TESTBED_MOQUETTE_PORT; }
moquette.prepare() { java_broker_install moquette "$moquette_version"; mkdir -p "$run/moquette"; }
moquette.start() { java_broker_start moquette "$moquette_version" Moquette "$moquette_port"; }
moquette.ready() { mqtt_accepts "$moquette_port"; }
moquette.variables() { broker_variables moquette "$moquette_port" "$moquette_version"; }
