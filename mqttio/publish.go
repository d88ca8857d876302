package mqttio

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

// maxInFlight is how many snapshots wait for their PUBACK at a time. It is below the
// 20 that a stock Mosquitto takes.
const maxInFlight = 16

// packetOverhead is more than a PUBLISH packet of ours has beside topic and payload.
const packetOverhead = 64

// page publishes what is due of a page. The snapshots of one topic go one after the
// other, so that its newest is the last that a subscriber sees.
func (p *Publisher) page(ctx context.Context, c connection, page []document.Pending) error {
	var order []string
	topics := map[string][]document.Pending{}
	now := time.Now()
	for _, snapshot := range page {
		topic := p.cfg.SnapshotTopic(hub.Repository{Namespace: snapshot.Namespace, Name: snapshot.Name})
		due, again := p.times.due(snapshot, topic, now)
		if !due {
			continue
		}
		if again {
			p.counts.again.Inc()
		}
		if topics[topic] == nil {
			order = append(order, topic)
		}
		topics[topic] = append(topics[topic], snapshot)
	}
	var group errgroup.Group
	group.SetLimit(maxInFlight)
	for _, topic := range order {
		group.Go(func() error {
			for _, snapshot := range topics[topic] {
				if err := p.publish(ctx, c, topic, snapshot); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// publish publishes one snapshot and notes the answer. The error says that the
// connection has ended.
func (p *Publisher) publish(ctx context.Context, c connection, topic string, snapshot document.Pending) error {
	code, err := p.send(ctx, c, topic, snapshot)
	if ctx.Err() != nil {
		p.counts.published.WithLabelValues(resultFailed).Inc()
		return ctx.Err()
	}
	result, refusal := resultAccepted, ""
	switch {
	case code >= codeFailure || errors.As(err, new(invalid)):
		result, refusal = resultRefused, err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		// An answer that is missing holds one of the places that the broker allows.
		p.link.drop(fmt.Sprintf("the broker has not acknowledged a snapshot within %v", p.link.pace.answer))
		result = resultFailed
	case err != nil:
		result = resultFailed
	case code == codeNoSubscribers:
		result = resultNoSubscribers
	}
	p.counts.published.WithLabelValues(result).Inc()
	if p.acked != nil && (result == resultAccepted || result == resultNoSubscribers) {
		kept := result == resultAccepted || c.limits().retain && p.retained(snapshot)
		if err := p.acked(ctx, Acknowledgement{snapshot, topic, kept}); err != nil {
			refusal = err.Error()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.times.tried(snapshot.ID, time.Now(), refusal, result == resultNoSubscribers)
	return nil
}

// send gives the code of the broker's PUBACK. An error without a code comes from
// nearer than the broker.
func (p *Publisher) send(ctx context.Context, c connection, topic string, snapshot document.Pending) (code byte, err error) {
	if size, most := len(topic)+len(snapshot.Payload)+packetOverhead, c.limits().maxPacket; most > 0 && size > most {
		return codeFailure, fmt.Errorf("it has %d bytes, the broker takes %d", size, most)
	}
	ctx, cancel := context.WithTimeout(ctx, p.link.pace.answer)
	defer cancel()
	return c.publish(ctx, message{
		topic: topic, payload: snapshot.Payload, contentType: "application/json",
		retain: c.limits().retain && p.retained(snapshot),
	})
}

// retained reports whether the broker is to keep the snapshot: only the newest of its
// topic, whatever the order in which snapshots get through.
func (p *Publisher) retained(snapshot document.Pending) bool {
	if p.cfg.TopicPerRepository {
		return p.cfg.Retain && snapshot.NewestOfRepository
	}
	return p.cfg.Retain && snapshot.NewestOfAll
}

// report puts into the state what the last round has found.
func (p *Publisher) report(c connection) {
	if id, why := p.times.refused(); why != "" {
		p.link.state.fail(faultPublish, fmt.Sprintf("%s is not accepted: %s", id, why))
	} else {
		p.link.state.mend(faultPublish)
	}
	topic := p.times.unheard()
	switch {
	case topic != "":
		p.link.state.note(fmt.Sprintf("nobody is subscribed to %s: the broker has dropped what was published there", topic))
	case p.cfg.Retain && !c.limits().retain:
		p.link.state.note("the broker keeps no retained messages")
	case p.status.refused != "":
		p.link.state.note(fmt.Sprintf("%s is not accepted: %s", p.status.topic, p.status.refused))
	default:
		p.link.state.note("")
	}
}
