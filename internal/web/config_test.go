package web

import (
	"strings"
	"testing"

	"pulltrail/internal/secret"
)

const someHash = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

func TestWhatOthersCanReachNeedsAUserOrToBePublic(t *testing.T) {
	user := Config{Username: "me", PasswordHash: secret.New(someHash)}
	for listen, open := range map[string]bool{
		"127.0.0.1:8080": false, "[::1]:8080": false, "localhost:8080": false, "127.1.2.3:0": false,
		":8080": true, "0.0.0.0:8080": true, "[::]:8080": true, "192.168.1.2:8080": true, "pulltrail.example:8080": true,
	} {
		for name, c := range map[string]struct {
			Config
			right bool
		}{
			"nothing": {Config{}, !open}, "a user": {user, true}, "public": {Config{Public: true}, true},
		} {
			c.Listen = listen
			list := c.Validate()
			if len(list) == 0 != c.right {
				t.Errorf("%s with %s: %v", listen, name, list)
			}
			if !c.right && (list[0].Key != "listen" || !strings.Contains(list[0].Message, "web.username") || !strings.Contains(list[0].Message, "web.public: true")) {
				t.Errorf("%s: %v", listen, list)
			}
		}
	}
}

func TestTheHashIsNamedWhereItStands(t *testing.T) {
	c := DefaultConfig()
	c.Username, c.PasswordHash = "me", secret.New("hunter2")
	if list := c.Validate(); len(list) != 1 || list[0].Key != "password_hash" || strings.Contains(list.Error(), "hunter2") {
		t.Errorf("got %v", list)
	}
	c.PasswordHashFile = "/run/secrets/hash"
	if list := c.Validate(); len(list) != 1 || list[0].Key != "password_hash_file" {
		t.Errorf("got %v", list)
	}
}

func TestListenIsHostAndPort(t *testing.T) {
	for listen, right := range map[string]bool{
		"127.0.0.1:8080": true, ":8080": true, "[::1]:8080": true, "localhost:0": true, DefaultConfig().Listen: true,
		"": false, "8080": false, "localhost": false, "::1:8080": false, "localhost:": false,
		"localhost:http": false, "localhost:65536": false, "localhost:-1": false, "http://localhost:8080": false,
	} {
		list := Config{Listen: listen, Public: true}.Validate()
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

func TestTheRepositoriesOfTheMetricsAreBounded(t *testing.T) {
	for n, right := range map[int]bool{0: true, 1: true, 5000: true, 100_000: true, -1: false, 100_001: false} {
		c := DefaultConfig()
		c.MetricsRepositories = n
		list := c.Validate()
		if (len(list) == 0) != right || !right && list[0].Key != "metrics_repositories" {
			t.Errorf("%d: %v", n, list)
		}
	}
}
