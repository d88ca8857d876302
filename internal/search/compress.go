package search

import (
	"bytes"
	"compress/gzip"
	"sync"
)

// worthCompressing is the least size of a body that is compressed, in bytes: about what
// fits into one packet of a network.
const worthCompressing = 1400

// compressors are kept, because each has tables of several hundred kilobytes.
var compressors = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is one of the package's own
	}
	return w
}}

// compress is body in the form of gzip. Writing to memory does not fail.
func compress(body payload) []byte {
	var out bytes.Buffer
	out.Grow(int(body.size() / 4))
	w := compressors.Get().(*gzip.Writer) //nolint:forcetypeassert // nothing else is in the pool
	defer compressors.Put(w)
	w.Reset(&out)
	_, _ = body.reader().WriteTo(w)
	_ = w.Close()
	return out.Bytes()
}
