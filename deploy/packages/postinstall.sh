#!/bin/sh
# After an installation or an upgrade. A new service is not started: it would poll what
# nobody has chosen. One that runs goes on with the new program.
set -e
if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart pulltrail.service
fi
# An upgrade comes with the old version (deb), or as 2 (rpm).
case "$1:$2" in
configure: | 1:*)
	echo "Choose repositories in /etc/pulltrail/config.yaml, then: systemctl enable --now pulltrail"
	;;
esac
