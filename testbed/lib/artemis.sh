# Apache ActiveMQ Artemis, embedded in Artemis.java, with its default journal in files.
# shellcheck shell=bash

artemis_version=2.44.0
artemis_port=${TESTBED_ARTEMIS_PORT:-21898}

artemis.ports() { echo "$artemis_port"; }
artemis.port_variables() { echo TESTBED_ARTEMIS_PORT; }
artemis.prepare() { java_broker_install artemis "$artemis_version"; mkdir -p "$run/artemis"; }
artemis.start() { java_broker_start artemis "$artemis_version" Artemis "$artemis_port"; }
artemis.ready() { mqtt_accepts "$artemis_port"; }
artemis.variables() { broker_variables artemis "$artemis_port" "$artemis_version"; }
