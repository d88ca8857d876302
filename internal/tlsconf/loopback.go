package tlsconf

import (
	"net"
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

// Local is where this machine reaches what listens on address, host:port, which may be all
// of its addresses. It has no names, which an empty image may not know.
func Local(address string) string {
	host, port, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	switch {
	case err != nil || host != "" && !ip.IsUnspecified():
		return address
	case host == "" || ip.To4() != nil:
		return net.JoinHostPort("127.0.0.1", port)
	}
	return net.JoinHostPort("::1", port)
}
