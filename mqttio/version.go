package mqttio

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// The values of mqtt.version.
const (
	VersionAuto = "auto"
	Version5    = "5"
	Version311  = "3.1.1"
)

const (
	// unclear5 is how many consecutive attempts with MQTT 5 may end without an answer before
	// MQTT 3.1.1 is tried once: RabbitMQ 3.10 closes the connection, amqtt 0.12 does not answer.
	unclear5 = 2
	// unclear311 is the same for MQTT 5 at a broker that is remembered to support only MQTT 3.1.1.
	// It is larger because a broker that starts, or a proxy in front of one, closes connections too.
	unclear311 = 8
	// recheckVersion is how often a broker that does not support MQTT 5 is asked again.
	recheckVersion = 24 * time.Hour
)

// VersionMemory remembers which brokers do not support MQTT 5. A broker is named by its URL
// without credentials. The methods are called by several sessions at a time.
type VersionMemory interface {
	// MQTT5Rejected returns when a check last found that the broker does not support MQTT 5;
	// the zero time when none did.
	MQTT5Rejected(ctx context.Context, broker string) (time.Time, error)
	// SetMQTT5Rejected stores the time of such a check. The zero time removes the broker.
	SetMQTT5Rejected(ctx context.Context, broker string, checked time.Time) error
}

// versions chooses the version of MQTT for the attempts of one session.
//
// A broker that answers that it does not support MQTT 5 is believed. One that only closes the
// connection, or does not answer, may be a proxy in front of a broker that is down. When it
// accepts MQTT 3.1.1 after that, it is remembered with a check that is due at once, and the
// session checks for MQTT 5 on a second connection. Further checks follow daily. So no
// reconnection waits for an attempt that the broker does not answer.
//
// The methods are called by one goroutine at a time.
type versions struct {
	configured string
	broker     string
	memory     VersionMemory // nil: the result is remembered as long as the session exists
	log        *slog.Logger
	five       protocol
	older      protocol

	checked  time.Time // last check that found MQTT 5 unsupported; zero if none did
	accepted bool      // the broker has accepted MQTT 5 from this session
	promised bool      // a check was accepted in MQTT 5, and the session was not yet
	unclear  int       // consecutive attempts without an answer
	warned   bool      // that the memory fails
}

func newVersions(configured, broker string, memory VersionMemory, log *slog.Logger) *versions {
	return &versions{
		configured: configured, broker: broker, memory: memory, log: log,
		five: newProtocol5(), older: protocol311{},
	}
}

// uncheckedYet is the time of a check that has not been made, so that it is due.
var uncheckedYet = time.Unix(0, 0)

// recall reads what another session or an earlier process has found.
func (v *versions) recall(ctx context.Context) {
	if v.configured != VersionAuto || v.memory == nil {
		return
	}
	checked, err := v.memory.MQTT5Rejected(ctx, v.broker)
	if err != nil {
		v.warn(ctx, err)
		return
	}
	if checked.IsZero() != v.checked.IsZero() {
		v.unclear = 0
	}
	v.checked = checked
}

// usual5 reports whether MQTT 5 is the version to try first.
func (v *versions) usual5() bool {
	return v.configured == Version5 || v.configured == VersionAuto && v.checked.IsZero()
}

// next returns the version for the next attempt.
func (v *versions) next() (p protocol, five bool) {
	five = v.usual5()
	if v.configured == VersionAuto && (five && v.unclear >= unclear5 || !five && v.unclear >= unclear311) {
		five = !five
	}
	if five {
		return v.five, true
	}
	return v.older, false
}

// hasty reports whether an attempt should give up early, because the broker may be one that
// does not answer to MQTT 5 at all.
func (v *versions) hasty(five bool) bool {
	return v.configured == VersionAuto && five && !v.accepted
}

// tried takes the result of an attempt that has reached the broker: err, or nil for a
// connection. It reports whether another attempt in the other version is worth making at once.
func (v *versions) tried(ctx context.Context, five bool, c *conn, err error) (again bool) {
	if v.configured != VersionAuto {
		return false
	}
	usual := five == v.usual5()
	unclear := v.unclear
	v.unclear = 0
	switch {
	case err == nil && five:
		v.accepted, v.promised = true, false
		v.support(ctx)
	case err == nil && usual:
	case err == nil && v.promised: // another check at once would promise the same
		v.reject(ctx, time.Now())
	case err == nil:
		v.reject(ctx, uncheckedYet)
	case c.refusesVersion() && five:
		v.reject(ctx, time.Now())
		return usual
	case c.refusesVersion():
		v.support(ctx)
		return usual
	case usual && !errors.As(err, new(*refusal)):
		v.unclear = unclear + 1
	}
	return false
}

// reject remembers that the broker does not support MQTT 5.
func (v *versions) reject(ctx context.Context, checked time.Time) {
	if v.checked.IsZero() {
		v.log.Info("broker does not support MQTT 5; using MQTT 3.1.1")
	}
	v.accepted, v.promised = false, false
	v.remember(ctx, checked)
}

// promise takes a check that the broker has accepted.
func (v *versions) promise(ctx context.Context) {
	v.promised = true
	v.support(ctx)
}

// support forgets that the broker did not support MQTT 5.
func (v *versions) support(ctx context.Context) {
	if !v.checked.IsZero() {
		v.remember(ctx, time.Time{})
	}
}

func (v *versions) remember(ctx context.Context, checked time.Time) {
	v.checked = checked
	if v.memory == nil {
		return
	}
	if err := v.memory.SetMQTT5Rejected(ctx, v.broker, checked); err != nil {
		v.warn(ctx, err)
	}
}

// warn logs the first failure of the memory. The version is then found again by each session.
func (v *versions) warn(ctx context.Context, err error) {
	if !v.warned && ctx.Err() == nil {
		v.warned = true
		v.log.Warn("the MQTT version of the broker cannot be remembered", "err", err)
	}
}

// untilCheck returns how long a connection in MQTT 3.1.1 waits for the next check; false for
// never.
func (v *versions) untilCheck() (time.Duration, bool) {
	if v.configured != VersionAuto || v.checked.IsZero() {
		return 0, false
	}
	since := time.Since(v.checked)
	if since < 0 { // the clock was set back
		return 0, true
	}
	return max(0, recheckVersion-since), true
}
