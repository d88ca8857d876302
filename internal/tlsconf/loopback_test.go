package tlsconf

import "testing"

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.8.9.1": true, "::1": true, "::ffff:127.0.0.1": true, "localhost": true, "LocalHost": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example": false, "hub.docker.com": false,
	} {
		if got := IsLoopback(host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
}

func TestWhereThisMachineReachesWhatListens(t *testing.T) {
	for address, want := range map[string]string{
		":80": "127.0.0.1:80", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "[::1]:80",
		"127.0.0.1:80": "127.0.0.1:80", "192.0.2.1:80": "192.0.2.1:80", "host:80": "host:80", "nonsense": "nonsense",
	} {
		if got := Local(address); got != want {
			t.Errorf("%s is reached at %s, want %s", address, got, want)
		}
	}
}
