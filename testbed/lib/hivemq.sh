# HiveMQ Community Edition, embedded in HiveMQ.java, with its default persistence in files.
# shellcheck shell=bash

hivemq_version=2025.5
hivemq_port=${TESTBED_HIVEMQ_PORT:-21897}

hivemq.ports() { echo "$hivemq_port"; }
hivemq.port_variables() { echo TESTBED_HIVEMQ_PORT; }
hivemq.prepare() { java_broker_install hivemq "$hivemq_version"; mkdir -p "$run/hivemq"; }
hivemq.start() { java_broker_start hivemq "$hivemq_version" HiveMQ "$hivemq_port"; }
hivemq.ready() { mqtt_accepts "$hivemq_port"; }
hivemq.variables() { broker_variables hivemq "$hivemq_port" "$hivemq_version"; }
