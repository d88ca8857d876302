// Package indexer brings what stands in the logs (history and journal) into a
// database: OpenSearch, Elasticsearch, or each of both.
//
// # The parts
//
// A Router says by topic what becomes of a message: its index, its id, its time. A
// Follower reads one log behind one cursor in batches and hands them to a Sink. It
// also tries again what was refused for a missing permission. Care knows the indices
// that the routes name, and a Retention deletes those that are too old.
//
// # What it promises
//
// The cursor moves when everything before it is settled: stored, or durable as a
// dead letter. A crash in between repeats a batch, which the ids make harmless. A
// sink that is away, overloaded or blocked is waited for, for ever; a document that
// is refused for its content becomes a dead letter at once, and one that is
// forbidden becomes a dead letter that is tried again, so that one index never
// stalls the others. Documents of an index that takes no writes (red, closed, read-only)
// wait in the log, behind the cursor, while those of other indices are stored. While a sink
// takes no writes at all, one document about every 0.5 s probes it. Routes are applied at delivery: a changed route is good for all
// that was not delivered yet.
//
// # At its bounds
//
// A follower holds Config.Concurrency batches (each Config.BatchSize documents,
// Config.BatchBytes bytes) and a round of dead letters in memory, and the positions of up
// to 1,048,576 documents that wait for their index; then it reads no further. Dead letters that
// cannot be stored, because their number is bounded too, stop the cursor, visibly,
// until there is room.
package indexer
