package mqttio

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pulltrail/internal/topic"
)

// ClientIDMark stands for the client id in mqtt.status_topic.
const ClientIDMark = "{client_id}"

// What the status topic says of this process.
const (
	online  = "online"
	offline = "offline"
)

// status is the topic that tells whether this process is there: online is published on
// each connection, offline when it ends in order, and by the broker when it is lost.
type status struct {
	topic   string // empty for none
	every   string // filter of this topic with any client id
	refused string // why the broker does not accept it; empty when it does
}

func newStatus(cfg Config, clientID string) status {
	return status{
		topic: strings.ReplaceAll(cfg.StatusTopic, ClientIDMark, clientID),
		every: strings.ReplaceAll(cfg.StatusTopic, ClientIDMark, "+"),
	}
}

// is reports whether a topic is the status of this process or of one like it. Such a
// message is nothing to be stored, whatever the routes say.
func (s status) is(name string) bool { return s.topic != "" && topic.Match(s.every, name) }

// message is nil where there is no status topic.
func (s status) message(text string, retain bool) *message {
	if s.topic == "" {
		return nil
	}
	return &message{topic: s.topic, payload: []byte(text), contentType: "text/plain", retain: retain}
}

// signOn says that this process is there. That the broker does not accept it holds up
// nothing.
func (p *Publisher) signOn(ctx context.Context, c connection) { p.sign(ctx, c, online) }

// signOff says that this process goes.
func (p *Publisher) signOff(ctx context.Context, c connection) { p.sign(ctx, c, offline) }

func (p *Publisher) sign(ctx context.Context, c connection, text string) {
	m := p.status.message(text, c.limits().retain)
	if m == nil {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, p.link.pace.answer)
	defer cancel()
	code, err := c.publish(bounded, *m)
	p.status.refused = ""
	switch {
	case code >= codeFailure:
		p.status.refused = err.Error()
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		p.link.drop(fmt.Sprintf("the broker has not acknowledged that we are %s within %v", text, p.link.pace.answer))
	}
}
