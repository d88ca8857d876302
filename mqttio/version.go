package mqttio

import "log/slog"

// The values of mqtt.version.
const (
	VersionAuto = "auto"
	Version5    = "5"
	Version311  = "3.1.1"
)

// closedTries is how often in a row a broker must have closed a connection at the first
// packet of MQTT 5, until the session tries whether it takes MQTT 3.1.1.
const closedTries = 3

// versions chooses the version that a session speaks. A broker that says that it does not
// speak MQTT 5 is believed. One that only closes the connection may be a proxy before a
// broker that is away, so when it takes MQTT 3.1.1, MQTT 5 is tried once more, at the
// next connection. What is settled stays so until the process ends. It is used by one
// attempt at a time.
type versions struct {
	configured string
	log        *slog.Logger
	five       protocol
	older      protocol

	settled bool // it is MQTT 3.1.1
	closed  int  // attempts with MQTT 5 that were closed, in a row
	trial   bool // MQTT 3.1.1 was taken after those
	said    bool // that MQTT 3.1.1 is spoken
}

func newVersions(configured string, log *slog.Logger) *versions {
	return &versions{configured: configured, log: log, five: newProtocol5(), older: protocol311{}}
}

// next is what to speak, and whether that is MQTT 5.
func (v *versions) next() (p protocol, five bool) {
	switch {
	case v.configured == Version311, v.settled:
		return v.older, false
	case v.configured == VersionAuto && v.closed >= closedTries:
		return v.older, false
	}
	return v.five, true
}

// tried notes how an attempt has ended: with err, or, if that is nil, with a connection.
func (v *versions) tried(five bool, c *conn, err error) {
	if v.configured != VersionAuto || v.settled {
		return
	}
	switch {
	case five && err == nil:
		v.closed, v.trial = 0, false
	case five && c.refusesVersion():
		v.settle()
	case five && c.hungUp() && v.trial:
		v.settle()
	case five && c.hungUp():
		v.closed++
	case five:
		v.closed = 0
	default: // MQTT 5 has its turn again
		v.closed, v.trial = 0, err == nil
		if err == nil {
			v.say()
		}
	}
}

func (v *versions) settle() {
	v.settled = true
	v.say()
}

func (v *versions) say() {
	if !v.said {
		v.said = true
		v.log.Info("the broker does not speak MQTT 5: MQTT 3.1.1 is spoken to it, which has no session expiry and refuses no message")
	}
}
