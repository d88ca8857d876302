package mqttio

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Probe connects to broker as the process would, under a client id of its own, and
// leaves again: it is for somebody who wants to know whether that works. It returns the version
// of MQTT and, if the broker replaces dots in topics, what does not work because of that.
func Probe(ctx context.Context, cfg Config, broker string) (found string, err error) {
	l, err := newLink(cfg, broker, checkID(), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	return l.probe(ctx, cfg)
}

func (l *link) probe(ctx context.Context, cfg Config) (found string, err error) {
	sent := dottedTopic(l.hello.clientID)
	came := make(chan string, 1)
	l.hello.receive = func(it item) {
		select {
		case came <- it.Topic:
		default: // another message
		}
	}
	c, err := l.connect(ctx)
	for err != nil && l.versions.unclear > 0 && l.versions.unclear <= unclear5 && ctx.Err() == nil {
		c, err = l.connect(ctx) // the broker may yet accept the other version
	}
	if err != nil {
		return "", errors.New(connectReason(l.broker.String(), err))
	}
	defer c.leave()
	found = "MQTT " + Version5
	if l.silent {
		found = "MQTT " + Version311
	}
	if echo(ctx, c, sent, came) == slashed(sent) {
		found += "; the broker replaces dots in topics by slashes, as RabbitMQ does: " + cfg.dotsRemedy()
	}
	return found, nil
}

// dottedTopic is a topic with a dot that no Pulltrail stores: see Config.IsDerived.
func dottedTopic(clientID string) string { return ownLevel + clientID + derivedLevel + "/check.dots" }

// echoPatience bounds how long a message to ourselves may take.
const echoPatience = 2 * time.Second

// echo publishes to a topic and returns the topic under which the message comes back; empty if
// it does not, as where the broker does not permit it.
func echo(ctx context.Context, c connection, topic string, came <-chan string) string {
	ctx, cancel := context.WithTimeout(ctx, echoPatience)
	defer cancel()
	codes, _, err := c.subscribe(ctx, []string{topic})
	if err != nil || len(codes) != 1 || codes[0] >= codeFailure {
		return ""
	}
	if _, err := c.publish(ctx, message{topic: topic, payload: []byte("check")}); err != nil {
		return ""
	}
	select {
	case topic = <-came:
		return topic
	case <-c.ended():
	case <-ctx.Done():
	}
	return ""
}

// checkID is a client ID for a connection that only checks something.
func checkID() string { return "pulltrail-check-" + uuid.NewString()[:8] }
