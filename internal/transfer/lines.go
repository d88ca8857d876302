package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// errTooLong is what a line is refused for that is not kept.
var errTooLong = errors.New("the line has more than 1 MiB")

// byteOrderMark stands at the beginning of files of some programs.
var byteOrderMark = []byte("\xef\xbb\xbf")

// lines are those of a file, one in memory at a time.
type lines struct {
	r      *bufio.Reader
	number int   // of the line that was read last, from 1
	read   int64 // bytes
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 64<<10)} }

// next is the next line without its end, until the one after it is read. The error is
// io.EOF at the end, or errTooLong for a line that was passed over.
func (l *lines) next() ([]byte, error) {
	var line []byte
	tooLong := false
	for {
		part, err := l.r.ReadSlice('\n')
		l.read += int64(len(part))
		if tooLong = tooLong || len(line)+len(part) > maxDocument; !tooLong {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) == 0 && !tooLong:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		}
		break
	}
	l.number++
	if tooLong {
		return nil, errTooLong
	}
	if l.number == 1 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// head returns the beginning of the text, without white space and a mark before it; nothing for
// an empty file.
func (l *lines) head() ([]byte, error) {
	head, err := l.r.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return bytes.TrimSpace(bytes.TrimPrefix(head, byteOrderMark)), nil
}
