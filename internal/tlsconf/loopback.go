package tlsconf

import (
	"net/netip"
	"strings"
)

// IsLoopback reports whether a host, as it stands in a URL, is this machine: what goes
// there crosses no network.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
