package mqttio

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"pulltrail/internal/document"
)

// maxKept is how much of a message above the configured bound is kept, in bytes.
const maxKept = 64 << 10

// store makes a batch durable, one way or the other, then acknowledges it. It tries
// until it has succeeded or ctx is done, which is the only error.
func (s *Subscriber) store(ctx context.Context, batch []item) error {
	messages, letters := s.sort(batch)
	ids, refused, err := s.append(ctx, messages)
	if err != nil {
		return err
	}
	letters = append(letters, refused...)
	if len(letters) > 0 {
		err := s.until(ctx, faultDeadLetters, func() error { return s.opts.DeadLetters.Put(ctx, letters...) })
		if err != nil {
			return err
		}
		s.counts.refused.Add(float64(len(letters)))
		first := letters[0]
		s.link.log.Warn("messages rejected and stored as dead letters",
			"count", len(letters), "topic", first.Topic, "err", first.Reason)
	}
	s.confirm(ctx, ids)
	s.counts.acknowledged.Add(float64(acknowledge(batch)))
	return nil
}

// sort separates what is for the store from what is too large for it; what is for
// another subscriber, or for nobody, is in neither, and so are empty messages.
func (s *Subscriber) sort(batch []item) (messages []document.Message, letters []document.DeadLetter) {
	for _, it := range batch {
		if s.opts.Name == snapshots {
			it.Topic = s.restore(it.Message)
		}
		switch {
		case s.status.is(it.Topic), !s.opts.Accept(it.Topic):
			s.counts.passed.Inc()
		case len(it.Payload) == 0: // clears a retained message: there is nothing to store
			s.counts.empty.Inc()
		case int64(len(it.Payload)) > s.maxPayload:
			letters = append(letters, s.tooLarge(it.Message))
		default:
			messages = append(messages, it.Message)
		}
	}
	return messages, letters
}

// restore returns the topic that a message was published to.
func (s *Subscriber) restore(m document.Message) string {
	published, ok := s.cfg.publishedTopic(m)
	if !ok {
		return m.Topic
	}
	s.dots.Do(func() {
		s.link.log.Warn("broker replaces dots in topics by slashes, as RabbitMQ does",
			"topic", published, "delivered", m.Topic, "remedy", s.cfg.dotsRemedy())
	})
	return published
}

// append offers messages to the store until it has taken them.
func (s *Subscriber) append(ctx context.Context, messages []document.Message) (ids []string, refused []document.DeadLetter, err error) {
	if len(messages) == 0 {
		return nil, nil, nil
	}
	var outcomes []document.Outcome
	err = s.until(ctx, faultStore, func() (err error) {
		outcomes, err = s.opts.Store.Append(ctx, messages)
		if err == nil && len(outcomes) != len(messages) {
			err = fmt.Errorf("the store of %s gives %d outcomes for %d messages", s.opts.Name, len(outcomes), len(messages))
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for i, o := range outcomes {
		switch {
		case o.Err != nil:
			refused = append(refused, s.letter(messages[i], o.Err.Error()))
		case o.ID != "":
			ids = append(ids, o.ID)
		}
	}
	return ids, refused, nil
}

// confirm says what has arrived. Its failure costs nothing but a repetition: what is
// not confirmed is published, and arrives, again.
func (s *Subscriber) confirm(ctx context.Context, ids []string) {
	if s.opts.Confirm == nil || len(ids) == 0 {
		return
	}
	if err := s.opts.Confirm(ctx, ids); err != nil {
		s.link.state.fail(faultConfirm, err.Error())
		return
	}
	s.link.state.mend(faultConfirm)
}

// until calls do until it succeeds or ctx is done.
func (s *Subscriber) until(ctx context.Context, f fault, do func() error) error {
	for n := 0; ; n++ {
		err := do()
		if err == nil {
			s.link.state.mend(f)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.link.state.fail(f, err.Error())
		if !sleep(ctx, jittered(s.link.pace.store, s.link.pace.storeMost, n)) {
			return ctx.Err()
		}
	}
}

// letter keeps a message with the reason for its refusal.
func (s *Subscriber) letter(m document.Message, why string) document.DeadLetter {
	return document.DeadLetter{
		Sink: s.sink, Log: document.ReceiptLog, Position: fingerprint(m), Message: m, Reason: why, At: time.Now().UTC(),
	}
}

func (s *Subscriber) tooLarge(m document.Message) document.DeadLetter {
	why := fmt.Sprintf("the payload has %d bytes, more than mqtt.max_payload (%d)", len(m.Payload), s.maxPayload)
	letter := s.letter(m, why)
	if len(m.Payload) > maxKept {
		letter.Reason += fmt.Sprintf("; only its first %d bytes are kept", maxKept)
		letter.Payload = append([]byte(nil), m.Payload[:maxKept]...) // lets go of the rest
	}
	return letter
}

// fingerprint stands for the position of a message that never had one. The same
// message has the same, so that one that is received again is the same letter. It has
// 63 bits, as SQL has signed numbers, and is not zero, which stands before all.
func fingerprint(m document.Message) document.Position {
	h := sha256.New()
	_ = binary.Write(h, binary.BigEndian, uint64(len(m.Topic))) // a hash does not fail
	h.Write([]byte(m.Topic))
	h.Write(m.Payload)
	return max(1, document.Position(binary.BigEndian.Uint64(h.Sum(nil))&math.MaxInt64))
}
