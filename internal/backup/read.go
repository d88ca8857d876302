package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Reader reads a backup, not compressed.
type Reader struct {
	// Manifest is what the backup says of itself; the rest is read by Each.
	Manifest Manifest

	tar  *tar.Reader
	sums []byte
}

// NewReader reads the manifest, and refuses a backup that is none, or newer than this
// program.
func NewReader(r io.Reader) (*Reader, error) {
	b := &Reader{tar: tar.NewReader(r)}
	var text bytes.Buffer
	if err := b.next(manifestName, -1, func(r io.Reader) error {
		_, err := text.ReadFrom(r)
		return err
	}); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text.Bytes(), &b.Manifest); err != nil {
		return nil, fmt.Errorf("%w: its manifest: %w", ErrDamaged, err)
	}
	return b, b.Manifest.validate()
}

// Each reads every file, in order, and then whether they are what was backed up. take may
// leave some of the content; nil takes nothing. Only when the error is nil has the backup
// been whole.
func (b *Reader) Each(ctx context.Context, take func(File, io.Reader) error) error {
	for _, f := range b.Manifest.Files {
		err := b.next(f.Name, f.Size, func(content io.Reader) error {
			if take == nil {
				return nil
			}
			return take(f, patient{ctx, content})
		})
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	want := b.sums
	var sums bytes.Buffer
	if err := b.next(sumsName, -1, func(r io.Reader) error {
		_, err := sums.ReadFrom(r)
		return err
	}); err != nil {
		return err
	}
	if err := compare(sums.Bytes(), want); err != nil {
		return err
	}
	if _, err := b.tar.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is more behind its end", ErrDamaged)
	}
	return nil
}

// next reads the file that must come now; a size below zero is any up to maxManifest.
func (b *Reader) next(name string, size int64, take func(io.Reader) error) error {
	h, err := b.tar.Next()
	if err != nil {
		return broken(name, err)
	}
	if h.Name != name || h.Typeflag != tar.TypeReg {
		return fmt.Errorf("%w: it has %.100q where the file %s must be", ErrDamaged, h.Name, name)
	}
	if size >= 0 && h.Size != size || size < 0 && h.Size > maxManifest {
		return fmt.Errorf("%w: %s has %d bytes", ErrDamaged, name, h.Size)
	}
	sum := sha256.New()
	content := &noted{r: io.TeeReader(b.tar, sum)}
	err = take(content)
	if err == nil {
		_, err = io.Copy(io.Discard, content) // what was left
	}
	if content.err != nil {
		return broken(name, content.err)
	}
	if err != nil {
		return err
	}
	b.sums = fmt.Appendf(b.sums, "%x  %s\n", sum.Sum(nil), name)
	return nil
}

// noted remembers that reading failed, whatever is made of it.
type noted struct {
	r   io.Reader
	err error
}

func (n *noted) Read(b []byte) (int, error) {
	count, err := n.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		n.err = err
	}
	return count, err
}

// broken is an error of the archive or of what it is read from.
func broken(name string, err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		if name == manifestName {
			return fmt.Errorf("%w: there is nothing in it", ErrDamaged)
		}
		return fmt.Errorf("%w: it is cut off in or before %s", ErrDamaged, name)
	case errors.Is(err, tar.ErrHeader):
		return fmt.Errorf("%w: %w before %s", ErrDamaged, err, name)
	}
	return err
}

// compare names the first file whose checksum is another.
func compare(said, found []byte) error {
	if bytes.Equal(said, found) {
		return nil
	}
	lines := bytes.Split(said, []byte("\n"))
	for i, line := range bytes.Split(found, []byte("\n")) {
		if _, name, ok := bytes.Cut(line, []byte("  ")); ok && (i >= len(lines) || !bytes.Equal(line, lines[i])) {
			return fmt.Errorf("%w: the checksum of %s does not match", ErrDamaged, name)
		}
	}
	return fmt.Errorf("%w: its checksums are of other files", ErrDamaged)
}
