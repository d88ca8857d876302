package main

import (
	"bytes"
	"strconv"
	"time"
)

// A generator appends the message of number n, from 0, to buf. The messages of one
// generator have one length, but for the digits of n.
type generator func(buf []byte, n int) []byte

// indexBody is what the indices of documents are created with, the same for direct bulk
// and for Pulltrail. The padding is stored and not indexed, so that what is measured
// is the way and not the analysis of text.
const indexBody = `{
  "settings": {"number_of_shards": 1, "number_of_replicas": 0},
  "mappings": {"properties": {
    "n": {"type": "long"}, "time": {"type": "date"}, "host": {"type": "keyword"}, "level": {"type": "keyword"},
    "value": {"type": "double"}, "message": {"type": "keyword", "index": false, "doc_values": false}
  }}
}`

// documentMessages are measurements of some machine: numbers, words, and a text that
// fills size bytes.
func documentMessages(size int) generator {
	const end = `"}`
	at := time.Now().UTC().Truncate(time.Second)
	head := func(buf []byte, n int) []byte {
		buf = append(buf, `{"n":`...)
		buf = strconv.AppendInt(buf, int64(n), 10)
		buf = append(buf, `,"time":"`...)
		buf = at.Add(time.Duration(n)*time.Millisecond).AppendFormat(buf, "2006-01-02T15:04:05.000Z07:00")
		buf = append(buf, `","host":"host-`...)
		buf = strconv.AppendInt(buf, int64(n%100), 10)
		buf = append(buf, `","level":"info","value":`...)
		buf = strconv.AppendInt(buf, int64(n%1000), 10)
		return append(buf, `.25,"message":"`...)
	}
	filler := padding(size - len(head(nil, 0)) - len(end))
	return func(buf []byte, n int) []byte {
		buf = head(buf, n)
		buf = append(buf, filler...)
		return append(buf, end...)
	}
}

// snapshotRepositories is how many repositories the snapshots are of.
const snapshotRepositories = 100

// snapshotMessages are snapshots of Docker Hub, an hour apart for each repository, with
// a description that fills size bytes.
func snapshotMessages(size int) generator {
	const end = `","is_private":false,"is_automated":false,"star_count":3,"storage_size":123456789,` +
		`"last_updated":"2024-05-01T10:00:00Z","date_registered":"2020-01-01T00:00:00Z","collaborator_count":0,"hub_user":"bench"}`
	first := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	head := func(buf []byte, n int) []byte {
		slot := first.Add(time.Duration(n/snapshotRepositories) * time.Hour)
		buf = append(buf, `{"user":"bench","namespace":"bench","name":"app-`...)
		buf = strconv.AppendInt(buf, int64(n%snapshotRepositories), 10)
		buf = append(buf, `","pull_count":`...)
		buf = strconv.AppendInt(buf, int64(n), 10)
		buf = append(buf, `,"timestamp":"`...)
		buf = slot.Add(time.Second).AppendFormat(buf, time.RFC3339)
		buf = append(buf, `","slot":"`...)
		buf = slot.AppendFormat(buf, time.RFC3339)
		return append(buf, `","description":"`...)
	}
	filler := padding(size - len(head(nil, 0)) - len(end))
	return func(buf []byte, n int) []byte {
		buf = head(buf, n)
		buf = append(buf, filler...)
		return append(buf, end...)
	}
}

func padding(n int) []byte {
	const words = "the quick brown fox jumps over the lazy dog and 1,234 others; "
	return bytes.Repeat([]byte(words), n/len(words)+1)[:max(n, 0)]
}

// documentID is the id that Pulltrail gives the document of number n by fields(n).
func documentID(n int) string { return "[" + strconv.Itoa(n) + "]" }
