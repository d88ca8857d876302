package backup

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory that reading a backup takes, in bytes.
const maxWindow = 32 << 20

// Compress compresses what is written to it into w, until it is closed. It works in the
// goroutine that writes.
func Compress(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
}

// Decompress is the inverse. Reading fails with ErrDamaged where r has something else.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	from := &noted{r: r}
	d, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return decompressed{d.IOReadCloser(), from}, nil
}

type decompressed struct {
	io.ReadCloser
	from *noted
}

func (d decompressed) Read(b []byte) (int, error) {
	n, err := d.ReadCloser.Read(b)
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return n, err
	case d.from.err != nil: // it could not be read
		return n, d.from.err
	}
	return n, fmt.Errorf("%w: %w", ErrDamaged, err)
}
