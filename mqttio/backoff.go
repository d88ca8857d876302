package mqttio

import (
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// ending is how an attempt or a connection has ended.
type ending int

const (
	untried     ending = iota // there was none yet
	away                      // nobody was reached at the broker's address
	noAnswer                  // the connection was closed, or not answered, before the broker's verdict
	rejected                  // the broker rejected the session, or we reject the broker's certificate
	endedAtOnce               // a connection that ended within atOnce
	stood                     // a connection that lasted longer
)

// endingOf is the ending of an attempt that has failed with err.
func endingOf(err error) ending {
	var network *net.OpError
	var refused *refusal
	switch {
	case errors.As(err, &network) && network.Op == "dial":
		return away
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return rejected
	case errors.As(err, &refused) && !refused.passes():
		return rejected
	}
	return noAnswer
}

// retries counts consecutive attempts and connections that have ended in the same way. A broker
// that was away for hours and starts is thus not treated like one that has failed for hours.
type retries struct {
	last ending
	n    int // before the last
}

func (r *retries) ended(e ending) {
	if e == r.last {
		r.n++
		return
	}
	r.last, r.n = e, 0
}

// pause is the time to wait before the next attempt.
func (r *retries) pause(p pace) time.Duration {
	switch r.last {
	case untried:
		return 0
	case away:
		if r.n < quickTries {
			return jittered(p.least, p.away, r.n)
		}
		return jittered(p.least, 4*p.away, r.n)
	case noAnswer:
		return jittered(p.least, p.shortMost, r.n)
	case endedAtOnce:
		return jittered(p.short, p.shortMost, r.n)
	case stood:
		return jittered(p.least, p.most, 0)
	}
	return jittered(p.least, p.most, r.n)
}
