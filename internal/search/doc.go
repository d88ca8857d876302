// Package search speaks to a cluster of OpenSearch or Elasticsearch: it makes the
// connection, says what an answer means, creates indices, stores documents in bulk and
// reads them in pages; for an administrator it reads and replaces objects of the cluster.
// Both have the same requests and answers as far as they are used here, so they differ
// only in the client that sends them and in the words of a missing permission.
//
// What it promises: one call is one try. A node that fails is passed over, so that a call
// fails only where every node does; beyond that nothing is retried here, because only the
// caller knows what else is waiting. Every error says by its Class whether another try may
// help. A document with an id that exists is left as it is and counts as
// stored. Only the permissions create_index and write are needed to store, and read
// to read; nothing is asked of the cluster in the background.
//
// A server of the other product is refused, by the header in which Elasticsearch names
// itself and by the front page; Client.Warning says where a version is not supported.
//
// At its bounds: a request ends after Options.Timeout, an answer above 64 MiB is an
// error, and a bulk request that the cluster finds too large is halved until it fits
// or is a single document, which is then refused.
package search
