package mqttio

import (
	"context"
	"math"
	"sync"
	"time"

	"pulltrail/internal/document"
)

// The bounds of a queue, and of what is taken from it at a time.
const (
	maxQueueMessages = receiveMaximum
	maxQueueBytes    = 64 << 20
	// longQueueBytes is from where on the connection is not read: more than is made
	// durable at a time, so that the store always has something to do.
	longQueueBytes   = 4 << 20
	maxBatchMessages = 2000
	maxBatchBytes    = 8 << 20
	// Messages gather for groupWindow after the batch before, unless groupEnough have:
	// making a batch durable costs one fsync, however many it has. The first message
	// after a quiet moment never waits, and neither does a broker that sends no more
	// than 20 ahead, as a stock Mosquitto does.
	groupWindow = 10 * time.Millisecond
	groupEnough = 16
	// itemOverhead is about what a message costs beside topic and payload, in bytes.
	itemOverhead = 200
)

// item is a message with what its acknowledgement needs.
type item struct {
	document.Message
	by connection // that it came by
	// A message that wants no acknowledgement has neither of these: the first is for MQTT
	// 5, the other for MQTT 3.1.1.
	packetID uint16
	ack      func()
}

func (it item) size() int64 {
	return int64(len(it.Payload)) + int64(len(it.Topic)) + itemOverhead
}

// queue holds what was received and is not stored yet. Who pushes waits while it is
// full.
type queue struct {
	maxMessages int
	maxBytes    int64

	mu      sync.Mutex
	room    sync.Cond
	items   []item
	bytes   int64
	taken   int64 // bytes that were taken and are not done yet
	batch   int   // messages that were taken and are not done yet
	closed  bool
	cutAt   time.Time     // when the batch before was taken
	arrived chan struct{} // there is something, or enough
	shrunk  chan struct{} // is closed when the queue is not long any more; nil when nobody waits
}

func newQueue() *queue {
	q := &queue{maxMessages: maxQueueMessages, maxBytes: maxQueueBytes, arrived: make(chan struct{}, 1)}
	q.room.L = &q.mu
	return q
}

// push adds a message when there is room. A closed queue takes none. A message that
// is larger than the bound is taken alone.
func (q *queue) push(it item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && q.full(it.size()) {
		q.room.Wait()
	}
	if q.closed {
		return
	}
	q.items = append(q.items, it)
	q.bytes += it.size()
	if n := len(q.items); n == 1 || n == groupEnough {
		q.signal() // every other message finds the taker awake or patient
	}
}

func (q *queue) full(size int64) bool {
	n, bytes := len(q.items)+q.batch, q.bytes+q.taken
	return n > 0 && (n >= q.maxMessages || bytes+size > q.maxBytes)
}

// take gives all that has arrived, at most a batch, and waits if that is nothing, or
// little and soon after the batch before. It gives nothing when the queue is closed and
// empty, or ctx is done. What was taken counts until done is called.
func (q *queue) take(ctx context.Context) []item {
	for {
		batch, wait := q.due(time.Now())
		if len(batch) > 0 || wait == 0 {
			return batch
		}
		timer := time.NewTimer(wait)
		select {
		case <-q.arrived:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}

// due gives what is to be stored now, or how long that may take; neither when the
// queue is closed and empty.
func (q *queue) due(now time.Time) (batch []item, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, gathering := len(q.items), q.cutAt.Add(groupWindow).Sub(now)
	switch {
	case q.closed && n == 0:
		return nil, 0
	case n == 0:
		return nil, math.MaxInt64 // until something arrives
	case n < groupEnough && gathering > 0 && !q.closed:
		return nil, gathering
	}
	q.cutAt = now
	return q.cut(), 0
}

func (q *queue) cut() []item {
	n, bytes := 0, int64(0)
	for n < len(q.items) && n < maxBatchMessages {
		size := q.items[n].size()
		if n > 0 && bytes+size > maxBatchBytes {
			break
		}
		bytes += size
		n++
	}
	batch := q.items[:n:n]
	if q.items = q.items[n:]; len(q.items) == 0 {
		q.items = nil // lets go of the array behind
	}
	q.bytes -= bytes
	if q.bytes < longQueueBytes {
		q.shrink()
	}
	q.batch, q.taken = n, bytes
	return batch
}

// done says that the batch that was taken is stored.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.batch, q.taken = 0, 0
	q.room.Broadcast()
}

func (q *queue) size() (messages int, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) + q.batch, q.bytes + q.taken
}

// close lets nothing more in, those who wait included. What is there can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.shrink()
	q.room.Broadcast()
	q.signal()
}

// shorter is nil unless the queue is long; then it is closed when that is over.
func (q *queue) shorter() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.bytes < longQueueBytes {
		return nil
	}
	if q.shrunk == nil {
		q.shrunk = make(chan struct{})
	}
	return q.shrunk
}

func (q *queue) shrink() {
	if q.shrunk != nil {
		close(q.shrunk)
		q.shrunk = nil
	}
}

func (q *queue) signal() {
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}
