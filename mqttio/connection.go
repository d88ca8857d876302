package mqttio

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pulltrail/internal/secret"
)

// protocol is one version of MQTT, as a session speaks it.
type protocol interface {
	// connect introduces a session to the broker behind c, within ctx. The error is a
	// refusal where the broker has answered. What comes is given to the session's receive.
	connect(ctx context.Context, c *conn, h hello) (connection, error)
}

// hello is what a session says of itself to a broker.
type hello struct {
	clientID string
	username string
	password secret.String
	// expiry is how long the broker is to keep the session without a connection; 0 for a
	// session that starts afresh each time.
	expiry time.Duration
	will   *message // what the broker publishes when the connection is lost; nil for nothing
	// answer bounds the wait for the answer to one packet.
	answer time.Duration
	// receive takes what comes, one message at a time, nil for a session that subscribes to
	// nothing. While it waits the connection is read on, until as many messages wait as the
	// Receive Maximum.
	receive func(item)
}

// connection is a session's connection that the broker has accepted.
type connection interface {
	// sessionPresent says that the broker has kept the session.
	sessionPresent() bool
	limits() limits
	// subscribe gives the broker's code for each filter, and what it says besides. The codes
	// are those of MQTT 5, in every version.
	subscribe(ctx context.Context, filters []string) (codes []byte, said string, err error)
	// publish waits for the broker's code. An error without a code comes from nearer than
	// the broker; errInvalid says that another attempt would bring the same.
	publish(ctx context.Context, m message) (code byte, err error)
	// acknowledge sends the acknowledgements of messages that came by this connection, and
	// says how many. They are in the order of their receipt, as the protocol asks (MQTT 5.0,
	// section 4.6). When the connection is over there are none: the broker sends the messages
	// again.
	acknowledge(items []item) int
	// ended is closed when the connection is over, and everything received is handed over.
	ended() <-chan struct{}
	// farewell is why the broker says that it has ended the connection; nil if it did not.
	farewell() *refusal
	// leave ends the connection in order, so that the will is forgotten, and waits.
	leave()
}

// acknowledge sends the acknowledgements of messages by the connections that they came by,
// and says how many.
func acknowledge(items []item) (n int) {
	for len(items) > 0 {
		by := items[0].by
		same := slices.IndexFunc(items, func(it item) bool { return it.by != by })
		if same < 0 {
			same = len(items)
		}
		n += by.acknowledge(items[:same])
		items = items[same:]
	}
	return n
}

// message is what is published, at QoS 1.
type message struct {
	topic       string
	payload     []byte
	contentType string
	retain      bool
}

// limits are what the broker has said it takes.
type limits struct {
	// maxPacket is the largest packet, in bytes; 0 for any. The broker would end the
	// connection for a larger one, again and again.
	maxPacket int
	retain    bool // it keeps retained messages
}

// refusal is a broker's no, with a code of MQTT 5.
type refusal struct {
	code byte
	said string
}

func (r *refusal) Error() string { return reason(r.code, r.said) }

// passes reports whether the broker says that it cannot take connections just now.
func (r *refusal) passes() bool {
	return r.code == codeUnavailable || r.code == codeBusy || r.code == codeShuttingDown
}

// invalid is a message that this connection can never take.
type invalid struct{ error }

// unanswered is the error of a packet whose answer cannot come any more.
func unanswered(what string) error {
	return fmt.Errorf("the connection has ended before the broker has answered to %s", what)
}
