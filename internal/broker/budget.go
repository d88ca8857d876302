package broker

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"golang.org/x/time/rate"
)

// What something costs besides its bytes, in bytes.
const (
	messageCost = 1 << 10 // the packet as mochi keeps it
	levelCost   = 1 << 10 // a level of a topic or a filter: four maps
)

// limits of what the clients of others may have the broker keep.
type limits struct {
	retained     int64 // bytes of retained messages
	queued       int64 // bytes of messages that wait in all sessions
	queuedEach   int64 // and in one of them
	filters      int   // subscriptions of one client
	filterLevels int64 // levels of the filters of all
	away         int64 // sessions without a connection
}

var defaultLimits = limits{retained: 64 << 20, queued: 256 << 20, queuedEach: 64 << 20, filters: 1000, filterLevels: 64 << 10, away: maxConnections}

// The limits in metrics and log.
const (
	limitRetained      = "retained"
	limitQueued        = "queued"
	limitSubscriptions = "subscriptions"
	limitSessions      = "sessions"
)

// consequences say in the log what happens at each limit.
var consequences = map[string]string{
	limitRetained:      "the embedded broker does not retain a message, because retained messages use all the memory they may",
	limitQueued:        "the embedded broker drops a message for a client that does not acknowledge, because waiting messages use all the memory they may",
	limitSubscriptions: "the embedded broker rejects a subscription, because there are too many",
	limitSessions:      "the embedded broker ends the session that was disconnected longest, because there are too many",
}

// budget counts what the broker keeps for others, and is safe for concurrent use. What is
// kept for the process itself is not limited here: the process bounds it.
type budget struct {
	limits
	log     *slog.Logger
	metrics *metrics
	said    map[string]*rate.Limiter

	mu            sync.Mutex
	retainedOf    map[string]int64 // by topic
	retainedBytes int64
	queues        map[string]*queue // by client id
	queuedBytes   int64
	levelsOf      map[string]int64 // of the filters of a client id
	levels        int64
}

// queue has the bytes of the messages that wait in one session.
type queue struct {
	bytes int64
	of    map[uint16]int64 // by packet id
	stale bool             // a message left it unseen
}

func newBudget(l limits, m *metrics, log *slog.Logger) *budget {
	b := &budget{limits: l, log: log, metrics: m, said: map[string]*rate.Limiter{}, retainedOf: map[string]int64{}, queues: map[string]*queue{}, levelsOf: map[string]int64{}}
	for limit := range consequences {
		b.said[limit] = rate.NewLimiter(rate.Every(time.Minute), 1)
		m.limited.WithLabelValues(limit)
	}
	return b
}

// apply records that something was limited. The log has one line a minute for each limit.
func (b *budget) apply(limit, clientID string) {
	b.metrics.limited.WithLabelValues(limit).Inc()
	if b.said[limit].Allow() {
		b.log.Warn(consequences[limit], "client_id", clientID)
	}
}

func levels(topic string) int64 { return int64(strings.Count(topic, "/")) + 1 }

// size is what a message takes, in bytes.
func size(p packets.Packet) int64 {
	n := messageCost + len(p.Payload) + len(p.TopicName) + len(p.Properties.ContentType) + len(p.Properties.ResponseTopic) + len(p.Properties.CorrelationData)
	for _, u := range p.Properties.User {
		n += len(u.Key) + len(u.Val)
	}
	return int64(n)
}

// retain counts a retained message that is about to replace the one of its topic, and
// reports whether there is room for it. force makes room.
func (b *budget) retain(p packets.Packet, force bool) bool {
	n := size(p) + levelCost*levels(p.TopicName)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !force && b.retainedBytes-b.retainedOf[p.TopicName]+n > b.retained {
		return false
	}
	b.setRetained(p.TopicName, n)
	return true
}

func (b *budget) setRetained(topic string, n int64) {
	b.retainedBytes += n - b.retainedOf[topic]
	if b.retainedOf[topic] = n; n == 0 {
		delete(b.retainedOf, topic)
	}
}

// settle counts what is retained under a topic now.
func (b *budget) settle(s *mqtt.Server, topic string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := int64(0)
	if p, ok := s.Topics.Retained.Get(topic); ok {
		n = size(p) + levelCost*levels(topic)
	}
	b.setRetained(topic, n)
}

// enqueue counts a message that waits in the session of c, and reports whether there is
// room for it. A message that is sent again is counted already.
func (b *budget) enqueue(c *mqtt.Client, p packets.Packet) bool {
	n := size(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[c.ID]
	if q == nil {
		q = &queue{of: map[uint16]int64{}}
		b.queues[c.ID] = q
	}
	if b.full(q, n) && q.stale {
		b.recount(c, q, p.PacketID)
	}
	if q.of[p.PacketID] == 0 && b.full(q, n) {
		return false
	}
	b.setQueued(q, p.PacketID, n)
	return true
}

func (b *budget) full(q *queue, n int64) bool {
	return b.queuedBytes+n > b.queued || q.bytes+n > b.queuedEach
}

func (b *budget) setQueued(q *queue, id uint16, n int64) {
	q.bytes += n - q.of[id]
	b.queuedBytes += n - q.of[id]
	if q.of[id] = n; n == 0 {
		delete(q.of, id)
	}
}

// recount forgets the messages that have left a session, but not the new one.
func (b *budget) recount(c *mqtt.Client, q *queue, but uint16) {
	q.stale = false
	for id := range q.of {
		if p, ok := c.State.Inflight.Get(id); id == but || !ok || p.FixedHeader.Type != packets.Publish {
			b.setQueued(q, id, 0)
		}
	}
}

// dequeue says that a message does not wait any more.
func (b *budget) dequeue(clientID string, id uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.queues[clientID]; q != nil {
		if b.setQueued(q, id, 0); len(q.of) == 0 {
			delete(b.queues, clientID)
		}
	}
}

// spoil says that a message has left the session of a client, and not which.
func (b *budget) spoil(clientID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.queues[clientID]; q != nil {
		q.stale = true
	}
}

// subscribed counts the subscriptions of c anew.
func (b *budget) subscribed(c *mqtt.Client) {
	n := int64(0)
	for filter := range c.State.Subscriptions.GetAll() {
		n += levels(filter)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.levels += n - b.levelsOf[c.ID]
	if b.levelsOf[c.ID] = n; n == 0 {
		delete(b.levelsOf, c.ID)
	}
}

// excess gives the places of those new filters of c that are too many.
func (b *budget) excess(c *mqtt.Client, filters packets.Subscriptions) map[int]bool {
	b.mu.Lock()
	left := b.filterLevels - b.levels
	b.mu.Unlock()
	var found map[int]bool
	room := b.filters - c.State.Subscriptions.Len()
	for i, s := range filters {
		if _, exists := c.State.Subscriptions.Get(s.Filter); exists || s.Filter == "" {
			continue
		}
		if n := levels(s.Filter); room > 0 && n <= left {
			room, left = room-1, left-n
			continue
		}
		if found == nil {
			found = make(map[int]bool)
		}
		found[i] = true
	}
	return found
}

// The rest are the hooks of mochi.

// keep takes the retain flag off a message of others that there is no room for; then nothing is
// retained under its topic.
func (d *door) keep(c *mqtt.Client, p packets.Packet) bool {
	if len(p.Payload) == 0 || d.budget.retain(p, c.Net.Inline || d.ours(c)) {
		return true
	}
	d.budget.apply(limitRetained, c.ID)
	d.server.Topics.RetainMessage(packets.Packet{TopicName: p.TopicName})
	d.budget.settle(d.server, p.TopicName)
	return false
}

// kept is a message that is retained only where there is room for it.
func (d *door) kept(c *mqtt.Client, p packets.Packet) packets.Packet {
	p.FixedHeader.Retain = p.FixedHeader.Retain && d.keep(c, p)
	return p
}

// OnWill comes before a will is published or waits for its delay.
func (d *door) OnWill(c *mqtt.Client, w mqtt.Will) (mqtt.Will, error) {
	if w.Retain {
		p := packets.Packet{TopicName: w.TopicName, Payload: w.Payload}
		w.Retain = d.keep(c, p)
		if w.WillDelayInterval > 0 {
			d.budget.settle(d.server, w.TopicName) // it may never be published; there is little of it
		}
	}
	return w, nil
}

// OnRetainMessage comes when a message was retained, or the one of its topic was cleared.
func (d *door) OnRetainMessage(_ *mqtt.Client, p packets.Packet, _ int64) {
	d.budget.settle(d.server, p.TopicName)
}

// OnRetainedExpired comes when a retained message has expired.
func (d *door) OnRetainedExpired(topic string) { d.budget.settle(d.server, topic) }

// OnQosPublish comes when a message waits for its acknowledgement, or is sent again. One that there
// is no room for does not wait; a client that is connected gets it all the same.
func (d *door) OnQosPublish(c *mqtt.Client, p packets.Packet, _ int64, _ int) {
	if p.FixedHeader.Type != packets.Publish || d.ours(c) || d.budget.enqueue(c, p) {
		return
	}
	if c.State.Inflight.Delete(p.PacketID) {
		addInflight(d.server, -1)
	}
	atomic.AddInt64(&d.server.Info.MessagesDropped, 1)
	d.budget.apply(limitQueued, c.ID)
}

// OnQosComplete comes when a message was acknowledged.
func (d *door) OnQosComplete(c *mqtt.Client, p packets.Packet) { d.budget.dequeue(c.ID, p.PacketID) }

// OnQosDropped comes when a message does not wait any longer.
func (d *door) OnQosDropped(c *mqtt.Client, p packets.Packet) { d.budget.dequeue(c.ID, p.PacketID) }

// OnPublishDropped comes when a message was taken out of a session again.
func (d *door) OnPublishDropped(c *mqtt.Client, _ packets.Packet) { d.budget.spoil(c.ID) }

// OnUnsubscribed comes when subscriptions have ended.
func (d *door) OnUnsubscribed(c *mqtt.Client, _ packets.Packet) { d.budget.subscribed(c) }

// OnClientExpired ends what mochi leaves of a session.
func (d *door) OnClientExpired(c *mqtt.Client) {
	c.ClearInflights()
	d.server.UnsubscribeClient(c)
}

// OnACLCheck waits while a packet is being written to a client that a message is for. mochi does so
// by itself for QoS 1 and 2, and would otherwise queue up to 65,535 messages at QoS 0.
func (d *door) OnACLCheck(c *mqtt.Client, topic string, write bool) bool {
	if !write && !strings.HasPrefix(topic, mqtt.SysPrefix) {
		c.Lock()
		c.Unlock() //nolint:staticcheck // the wait is the purpose
	}
	return true
}

// makeRoom ends the session that was disconnected longest where there are too many. It is called
// before a session begins, when no client id is locked by the caller.
func (d *door) makeRoom(id string) {
	if _, ok := d.server.Clients.Get(id); ok {
		return
	}
	if int64(d.server.Clients.Len())-atomic.LoadInt64(&d.server.Info.ClientsConnected) <= d.budget.away {
		return // the process itself counts as one that is not connected
	}
	var oldest *mqtt.Client
	for _, c := range d.server.Clients.GetAll() {
		if t := c.StopTime(); t > 0 && !d.ours(c) && (oldest == nil || t < oldest.StopTime()) {
			oldest = c
		}
	}
	if oldest == nil {
		return
	}
	give := d.take(oldest.ID)
	defer give()
	if c, ok := d.server.Clients.Get(oldest.ID); ok && c == oldest {
		d.endSession(c)
		d.budget.apply(limitSessions, c.ID)
	}
}
