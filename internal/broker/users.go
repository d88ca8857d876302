package broker

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"

	"pulltrail/internal/loginlimit"
	"pulltrail/internal/passhash"
)

// ownName is the user that the process itself is. No configured one begins so.
const ownName = "$pulltrail"

// users are those who may come in. They are safe for concurrent use.
type users struct {
	hashes map[string]passhash.Hash // empty: everybody may come in
	nobody passhash.Hash            // is computed for a name that does not exist
	own    string                   // the password of the process itself
	key    []byte                   // of the sums, made anew by each process
	limits *loginlimit.Limits
	turns  chan struct{} // bounds how many passwords are hashed at the same time

	mu    *sync.Mutex
	known map[string][]byte // the sum of each user's credentials that were right last
}

func newUsers(hashes map[string]string, log *slog.Logger) (users, error) {
	u := users{
		hashes: make(map[string]passhash.Hash), own: rand.Text(), key: []byte(rand.Text()),
		limits: loginlimit.New("embedded broker", log),
		turns:  make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), mu: new(sync.Mutex), known: make(map[string][]byte),
	}
	for name, text := range hashes {
		h, err := passhash.Parse(text)
		if err != nil {
			return users{}, fmt.Errorf("the password hash of the user %q %w: write what pulltrail hash-password prints", name, err)
		}
		u.hashes[name], u.nobody = h, h
	}
	return u, nil
}

// itself reports whether credentials are those of the process.
func (u users) itself(name, password string) bool {
	return name == ownName && hmac.Equal(u.sum(password), u.sum(u.own))
}

// answer is what becomes of credentials.
type answer int

const (
	wrong answer = iota
	right
	wait // too many were wrong: they are not looked at
)

// check says whether credentials are those of a user, or everybody may come in. from is the
// address of the client. Once done is closed, all are wrong.
func (u users) check(from netip.Prefix, name, password string, done <-chan struct{}) answer {
	if len(u.hashes) == 0 {
		return right
	}
	sum := u.sum(password)
	if u.remembers(name, sum) {
		return right
	}
	if u.limits.Wait(from) > 0 {
		return wait
	}
	select {
	case u.turns <- struct{}{}:
		defer func() { <-u.turns }()
	case <-done:
		return wrong
	}
	if u.remembers(name, sum) { // by now: many come at once when the broker is there again
		return right
	}
	if u.limits.Wait(from) > 0 {
		return wait
	}
	// A hash is computed for any name, or the time would tell which one exists.
	h, exists := u.hashes[name]
	if !exists {
		h = u.nobody
	}
	if !h.Matches(password) || !exists {
		u.limits.Failed(from)
		return wrong
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.known[name] = sum
	return right
}

// remembers spares those who come again the time that a hash takes.
func (u users) remembers(name string, sum []byte) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return hmac.Equal(u.known[name], sum)
}

// sum stands for a password in memory. All sums have the same length, so that comparing
// them tells nothing.
func (u users) sum(password string) []byte {
	mac := hmac.New(sha256.New, u.key)
	mac.Write([]byte(password))
	return mac.Sum(nil)
}
