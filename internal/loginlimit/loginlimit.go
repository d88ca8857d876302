// Package loginlimit limits how many logins may fail.
//
// An address (of IPv6 its /64) has ten failures, and another every ten seconds; all together
// have fifty, and another each second. Beyond that a login has to wait, before any password is
// hashed. An address that was quiet for two minutes is forgotten. Up to 1,000 addresses are
// counted; beyond that only the limit of all together holds for further ones.
package loginlimit

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The failures that are allowed at once, and how soon after them the next.
const (
	failuresOfOne, everyOfOne = 10, 10 * time.Second
	failuresOfAll, everyOfAll = 50, time.Second
)

// maxAddresses is when quiet addresses are forgotten. There can hardly be as many that
// are not quiet, as all have one limit together; that one alone holds for further ones.
const maxAddresses = 1000

// Limits counts failed logins. It is safe for concurrent use.
type Limits struct {
	log   *slog.Logger
	where string

	mu  sync.Mutex
	all *bucket
	of  map[netip.Prefix]*bucket
}

// New makes limits that begin their lines in the log with where, such as "web".
func New(where string, log *slog.Logger) *Limits {
	return &Limits{log: log, where: where, all: newBucket(everyOfAll, failuresOfAll), of: make(map[netip.Prefix]*bucket)}
}

// Network is what one client is known by: its address, of IPv6 the /64, in which a
// client may choose. The zero value stands for all that have none.
func Network(remote string) netip.Prefix {
	client, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr := client.Addr().Unmap()
	return netip.PrefixFrom(addr, min(addr.BitLen(), 64)).Masked()
}

// Wait is how long from has to wait before it may try; 0 when it may. The log is told
// when that begins, not of every try.
func (l *Limits) Wait(from netip.Prefix) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if b := l.of[from]; b != nil {
		wait, begins := b.wait(now)
		if begins {
			l.log.Warn(l.where+": too many logins from one address have failed, the next ones have to wait", "address", from)
		}
		if wait > 0 {
			return wait
		}
	}
	wait, begins := l.all.wait(now)
	if begins {
		l.log.Warn(l.where+": too many logins have failed, the next ones have to wait, whoever tries", "address", from)
	}
	return wait
}

// Failed counts a failure of from.
func (l *Limits) Failed(from netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.all.ReserveN(now, 1)
	if l.of[from] == nil {
		l.forget(now)
		if len(l.of) >= maxAddresses {
			return
		}
		l.of[from] = newBucket(everyOfOne, failuresOfOne)
	}
	l.of[from].ReserveN(now, 1)
}

// forget makes room where there is none.
func (l *Limits) forget(now time.Time) {
	if len(l.of) < maxAddresses {
		return
	}
	for from, b := range l.of {
		if b.full(now) {
			delete(l.of, from)
		}
	}
}

// bucket has a token for each failure that is still allowed.
type bucket struct {
	*rate.Limiter
	refuses bool // it was empty, and has not been full since
}

func newBucket(every time.Duration, size int) *bucket {
	return &bucket{Limiter: rate.NewLimiter(rate.Every(every), size)}
}

func (b *bucket) full(now time.Time) bool { return b.TokensAt(now) >= float64(b.Burst()) }

// wait is the time until there is a token, and whether that is news.
func (b *bucket) wait(now time.Time) (wait time.Duration, begins bool) {
	if b.full(now) {
		b.refuses = false
	}
	missing := 1 - b.TokensAt(now)
	if missing <= 0 {
		return 0, false
	}
	begins, b.refuses = !b.refuses, true
	return max(1, time.Duration(missing/float64(b.Limit())*float64(time.Second))), begins
}
