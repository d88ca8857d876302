// Package homeassistant has the repositories that are tracked appear in Home Assistant:
// each as a device with the sensors pulls, pulls a day and stars. It says so by MQTT, as
// Home Assistant's discovery wants it, in messages that the broker keeps.
//
// # The messages
//
// A sensor is one message, at <prefix>/sensor/<node>/<sensor>/config. There is a newer form,
// one message for a whole device, which would be a third of the messages. It is not used
// because Home Assistant knows it since 2024.12 only, and other programs that follow the
// same convention partly not at all, while the messages are sent once for each connection.
//
// Pulls and stars are read from the topic of snapshots. A snapshot is Docker Hub's own
// object, which does not know the pulls of a day, so these have a topic of this process.
// They are the pulls of the 24 hours before the newest snapshot, and null, which is shown
// as unknown, while history does not reach back so far or nothing new has come for long.
//
// A node is named after the repository and the topic of snapshots, not after the process,
// so that a sensor stays the same one with its statistics when the client id changes. Of
// several processes with one topic and one broker, one should announce.
//
// # What it promises
//
// What the broker keeps becomes what is tracked and has a snapshot. A topic is noted before
// anything is published there, and forgotten when the broker has confirmed that nothing is
// kept there any more. So what an earlier start has announced, with another configuration or
// with discovery switched on, is taken back, whenever a process was killed. What became of
// it at a broker that is not used any more nobody can know.
//
// Everything is published again on each connection, because brokers lose what they keep,
// and after that only what has changed. Snapshots come first on a connection, and nothing
// here holds them up. A connection that ends while something is published here is not used
// again for a while, doubling up to 15 min, lest a broker that hangs up instead of refusing
// keeps the snapshots from getting through.
//
// Private repositories are announced like others: their snapshots are at the same broker
// already, for everybody who may read there.
//
// # At the bounds
//
// The first 5,000 repositories are announced, those that the configuration names before
// others; when there are more, the state says so. One pass through all begins 2 s after what
// has caused it at the earliest, and takes a twentieth of a core at most in the long run.
// Four messages are on their way at a time. A message that the broker refuses is tried again
// after 10 min.
package homeassistant
