#!/bin/sh
# Before a removal; an upgrade leaves the service running until the new program is there.
set -e
case "$1" in
remove | 0)
	if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
		systemctl disable --now pulltrail.service
	fi
	;;
esac
