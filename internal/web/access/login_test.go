package access

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/internal/loginlimit"
)

// What internal/loginlimit allows one address.
const (
	failuresOfOne = 10
	everyOfOne    = 10 * time.Second
)

// counted is a hash of the password "right" that counts and takes a second.
type counted struct{ all, now, most atomic.Int32 }

func (c *counted) Matches(password string) bool {
	c.all.Add(1)
	if now := c.now.Add(1); now > c.most.Load() {
		c.most.Store(now)
	}
	time.Sleep(time.Second) // by the clock of synctest
	c.now.Add(-1)
	return password == "right"
}

func TestWhatWasRightIsNotHashedAgainWhileItIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &counted{}
		l := newLogin(user, h, new(logged).logger())
		try := func(name, password string, want bool, hashed int32) {
			t.Helper()
			got, wait, err := l.check(t.Context(), loginlimit.Network("192.0.2.1:1"), name, password)
			if got != want || wait != 0 || err != nil || h.all.Load() != hashed {
				t.Errorf("%s with %s: %t, %v, %v after %d hashes; want %t after %d", name, password, got, wait, err, h.all.Load(), want, hashed)
			}
		}
		try(user, "right", true, 1)
		for range 5 {
			time.Sleep(memory - time.Second)
			try(user, "right", true, 1)
		}
		try(user, "wrong", false, 2)
		try(user, "wrong", false, 3)
		try("you", "right", false, 4) // costs the same as a wrong password
		try(user, "right", true, 4)
		time.Sleep(memory)
		try(user, "right", true, 5)
	})
}

func TestNothingIsRememberedAtFirst(t *testing.T) {
	h := &counted{}
	l := newLogin("", h, new(logged).logger())
	if l.remembers(nil) || l.remembers(l.sum(":")) {
		t.Error("credentials are known that nobody has shown")
	}
}

func TestFewPasswordsAreHashedAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &counted{}
		l := newLogin(user, h, new(logged).logger())
		var page sync.WaitGroup
		for range 20 {
			page.Go(func() {
				if right, _, err := l.check(t.Context(), loginlimit.Network("192.0.2.1:1"), user, "right"); !right || err != nil {
					t.Errorf("got %t, %v", right, err)
				}
			})
		}
		page.Wait()
		if turns := int32(cap(l.turns)); h.most.Load() > turns || h.all.Load() > turns {
			t.Errorf("%d hashes, %d at the same time, with %d turns", h.all.Load(), h.most.Load(), turns)
		}
	})
}

func TestAReaderThatGoesDoesNotWaitForATurn(t *testing.T) {
	l := newLogin(user, &counted{}, new(logged).logger())
	for range cap(l.turns) {
		l.turns <- struct{}{}
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := l.check(ctx, loginlimit.Network("192.0.2.1:1"), user, "right"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTooManyFailuresOfAnAddressHaveToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		h := handlerOf(t, Options{Config: protected, Log: log.logger()})
		const one = "192.0.2.1:1000"
		try := func(password, address string, want int) http.Header {
			t.Helper()
			got := answer(h, request("GET /api/v1/repositories", as(user, password), from(address)))
			if got.Code != want {
				t.Fatalf("got %d %s, want %d", got.Code, got.Body, want)
			}
			return got.Header()
		}
		for range failuresOfOne {
			try("hunter2", one, 401)
		}
		for range 3 {
			if header := try("hunter2", one, 429); header.Get("Retry-After") != "11" || header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %v", header)
			}
		}
		try(password, one, 429)              // nor does a right guess tell
		try(password, "192.0.2.1:2000", 429) // another connection of the same
		try(password, "[::ffff:192.0.2.1]:3", 429)
		try("hunter2", "192.0.2.2:1000", 401) // others go on
		try(password, "192.0.2.2:1000", 200)
		try(password, one, 200) // what is remembered is not looked at
		if log.count() != 1 || !strings.Contains(log.String(), "address=192.0.2.1/32") {
			t.Errorf("logged %s", &log)
		}

		time.Sleep(everyOfOne)
		try("hunter2", one, 401)
		try("hunter2", one, 429)
		if log.count() != 1 {
			t.Errorf("it is told of each try: %s", &log)
		}

		time.Sleep(failuresOfOne * everyOfOne) // it was quiet: what comes now is news
		for range failuresOfOne {
			try("hunter2", one, 401)
		}
		try("hunter2", one, 429)
		if log.count() != 2 || strings.Contains(log.String(), "hunter2") || strings.Contains(log.String(), user+" ") {
			t.Errorf("logged %s", &log)
		}
	})
}
