// Package mqttio is Pulltrail's MQTT client, both ways: the Publisher empties the
// outbox, a Subscriber fills a store with what arrives. It speaks MQTT 5, or 3.1.1 where
// the broker knows no other, over TCP, TLS and WebSockets.
//
// # What it promises
//
// A message is acknowledged to the broker only when the store has made it durable, or
// when it is kept as a dead letter because the store has refused it for good, or when
// Accept says that it belongs to another subscriber, or when it has no payload: an empty
// message clears a retained one, and there is nothing to store. So a message may be stored more
// than once, and none is lost here: identities make the repetition harmless.
//
// A snapshot is published at QoS 1 until it is no longer pending in the outbox: at
// once, again after each reconnection, and otherwise after 30 s, doubling to 1 h. The
// broker's PUBACK does not end that, because common brokers acknowledge what they then
// lose; it does only where PublisherOptions.Acknowledged says so, in a process that
// receives nothing back. Snapshots of one topic are published in their order.
//
// A broker that is away is a state, not an error: Run goes on trying, and State says
// since when and why. So is a store that fails: the same messages are offered again
// until it takes them.
//
// # Versions
//
// What is promised holds in both versions: they differ in a protocol and its connection,
// and share everything else, from the queue to the reconnection. In MQTT 3.1.1 a broker
// cannot say that it refuses a snapshot, that nobody hears it, why it ends a connection, or
// for how long it is to keep a session. That a session was taken over is then guessed from
// connections that all end at once.
//
// With mqtt.version auto a session uses MQTT 3.1.1 after one answer that the broker does not
// support MQTT 5, or after two attempts that the broker does not answer. VersionMemory keeps
// that for other sessions and later processes. A session in MQTT 3.1.1 checks daily, on a
// second connection, whether the broker supports MQTT 5 by now.
//
// # Reconnecting
//
// A broker that is down is tried about every 250 ms, later every second; one that does not
// answer at least every 4 s. After a connection that ended within 10 s there is a pause of 1 to
// 4 s. A broker that rejects the session is tried less and less often, up to once a minute.
//
// # Status
//
// The Publisher says online on the status topic when it is connected, and offline when it
// ends in order; the broker says offline for it, as its will, when the connection is lost.
// No Subscriber stores such a message, its own or of another process.
//
// # Sessions
//
// Each Publisher and Subscriber is a session with a client id of its own. Subscribers
// have a persistent session, so the broker keeps messages for them while they are
// away, in MQTT 5 for Config.SessionExpiry. A second process with the same client id throws this
// one out; that is said in the state, and the pauses grow so that the two do not fight.
//
// # Brokers that replace dots
//
// RabbitMQ delivers a topic with slashes in place of its dots. The subscriber of snapshots
// restores the topic of a snapshot of ours from its payload, and logs once what does not work.
// The topics of other messages stay as they come.
//
// # At the bounds
//
// While 4 MiB of messages wait to be stored, the connection is not read, and the network
// holds up the broker. Only where an answer of the broker, such as that to a ping, has
// stayed away for 10 s, messages are taken in until it has come, lest the connection be
// given up. So a Subscriber queues up to 65,535 messages (the Receive Maximum, which is
// how many the broker may send without an acknowledgement, in MQTT 3.1.1 for want of more
// packet ids) or 64 MiB. When the store is
// that far behind, the messages wait in front of the queue, where the Receive Maximum bounds
// their number, and the broker keeps the rest in the session, within its own limits:
// a stock Mosquitto sends 20 ahead, the embedded broker all 65,535. The connection
// stands meanwhile, because pings are still answered; should it end, the next one is
// made when what waits is in the queue.
//
// No Maximum Packet Size is announced, because brokers drop larger messages silently:
// a message above Config.MaxPayload is received and becomes a dead letter, of which the
// first 64 KiB are kept.
//
// The Publisher holds a page of the outbox at a time (1,000 snapshots), and has 16
// messages in flight.
package mqttio
