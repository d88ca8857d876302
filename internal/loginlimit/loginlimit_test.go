package loginlimit

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheNeighboursOfAnIPv6AddressAreIt(t *testing.T) {
	for remote, want := range map[string]string{
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64", "[2001:db8:1:2::9]:81": "2001:db8:1:2::/64", "[2001:db8:1:3::9]:81": "2001:db8:1:3::/64",
		"[fe80::1%eth0]:80": "fe80::/64", "192.0.2.1:80": "192.0.2.1/32", "[::ffff:192.0.2.1]:80": "192.0.2.1/32", "@": "invalid Prefix",
	} {
		if got := Network(remote).String(); got != want {
			t.Errorf("%s is %s, want %s", remote, got, want)
		}
	}
}

func TestTooManyFailuresOfAllHaveToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := New("web", slog.New(slog.NewTextHandler(&log, nil)))
		for i := range failuresOfAll {
			address := Network(fmt.Sprintf("192.0.2.%d:1", i))
			if wait := l.Wait(address); wait != 0 {
				t.Fatalf("address %d has to wait %v", i, wait)
			}
			l.Failed(address)
		}
		for range 3 {
			if wait := l.Wait(Network("198.51.100.1:1")); wait != everyOfAll {
				t.Errorf("another one has to wait %v", wait)
			}
		}
		if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "whoever tries") {
			t.Errorf("logged %s", &log)
		}
		time.Sleep(everyOfAll)
		if wait := l.Wait(Network("198.51.100.1:1")); wait != 0 {
			t.Errorf("later another one has to wait %v", wait)
		}
	})
}

func TestAddressesAreForgottenWhenThereIsNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New("web", slog.New(slog.DiscardHandler))
		at := func(i int) string { return fmt.Sprintf("10.0.%d.%d:1", i/256, i%256) }
		for i := range maxAddresses + 5 {
			l.Failed(Network(at(i)))
		}
		if len(l.of) != maxAddresses {
			t.Errorf("%d addresses", len(l.of))
		}
		time.Sleep(everyOfOne)
		l.Failed(Network("192.0.2.1:1"))
		if len(l.of) != 1 {
			t.Errorf("%d addresses after they were quiet", len(l.of))
		}
	})
}
