#!/bin/sh
# After a removal. The history stays, also when the package is purged: nothing could bring
# it back. It is in /var/lib/private/pulltrail.
set -e
if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
