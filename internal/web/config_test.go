package web

import "testing"

func TestListenIsHostAndPort(t *testing.T) {
	for listen, right := range map[string]bool{
		"127.0.0.1:8080": true, ":8080": true, "[::1]:8080": true, "localhost:0": true, DefaultConfig().Listen: true,
		"": false, "8080": false, "localhost": false, "::1:8080": false, "localhost:": false,
		"localhost:http": false, "localhost:65536": false, "localhost:-1": false, "http://localhost:8080": false,
	} {
		list := Config{Listen: listen}.Validate()
		if (len(list) == 0) != right {
			t.Errorf("Validate of listen %q = %v", listen, list)
		}
		for _, p := range list {
			if p.Key != "listen" || p.Value != listen {
				t.Errorf("the mistake in %q has key %q and value %v", listen, p.Key, p.Value)
			}
		}
	}
}
