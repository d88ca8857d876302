package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"time"

	"pulltrail/internal/document"
)

// A record is, in little endian:
//
//	u32 length of the payload
//	u32 CRC-32C of the length and the payload
//	payload: u8 flags, i64 received (µs since 1970), u16 length of the topic, topic, message
const (
	recordHeader = 8
	minPayload   = 1 + 8 + 2
	minRecord    = recordHeader + minPayload

	flagRetained = 1 << 0
	// flagFirst marks the first record of a batch. Where one stands behind a bad record,
	// that record was acknowledged and is no torn tail.
	flagFirst = 1 << 1

	// maxMessage is MQTT's own bound on a packet.
	maxMessage = 256 << 20
)

// damageError says that the bytes are not the record that was written there.
type damageError struct{ reason string }

func (e *damageError) Error() string { return e.reason }

// encoded is a batch as it is written.
type encoded struct {
	data    []byte
	offsets []int64 // of the records in data
}

// encode writes the messages one after another into an empty buffer, where that is
// large enough, and says in outcomes which of them it had to refuse.
func encode(buffer []byte, batch []document.Message, outcomes []document.Outcome) encoded {
	size := 0
	for i, m := range batch {
		outcomes[i].Err = storable(m)
		size += minRecord + len(m.Topic) + len(m.Payload)
	}
	e := encoded{data: slices.Grow(buffer, size), offsets: make([]int64, 0, len(batch))}
	for i, m := range batch {
		if outcomes[i].Err != nil {
			continue
		}
		e.offsets = append(e.offsets, int64(len(e.data)))
		e.data = appendRecord(e.data, m, len(e.offsets) == 1)
	}
	if len(e.offsets) == 0 {
		return encoded{}
	}
	return e
}

func storable(m document.Message) error {
	switch {
	case len(m.Topic) > math.MaxUint16:
		return document.Permanent(fmt.Errorf("a topic of %d bytes: MQTT allows %d", len(m.Topic), math.MaxUint16))
	case len(m.Payload) > maxMessage:
		return document.Permanent(fmt.Errorf("a message of %d bytes: the journal takes %d", len(m.Payload), maxMessage))
	}
	return nil
}

func appendRecord(b []byte, m document.Message, first bool) []byte {
	start := len(b)
	var flags byte
	if m.Retained {
		flags |= flagRetained
	}
	if first {
		flags |= flagFirst
	}
	length := minPayload + len(m.Topic) + len(m.Payload)
	b = binary.LittleEndian.AppendUint32(b, uint32(length)) //nolint:gosec // storable bounds it
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Received.UnixMicro())) // two's complement, as decode reads it
	b = binary.LittleEndian.AppendUint16(b, uint16(len(m.Topic)))           //nolint:gosec // storable bounds it
	b = append(b, m.Topic...)
	b = append(b, m.Payload...)
	binary.LittleEndian.PutUint32(b[start+4:], checksum(b[start:start+4], b[start+recordHeader:]))
	return b
}

func checksum(length, payload []byte) uint32 {
	castagnoli := crc32.MakeTable(crc32.Castagnoli) // made once by the standard library
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}

// decode reads the payload of a record; the message shares its memory.
func decode(payload []byte) (document.Message, error) {
	topic := int(binary.LittleEndian.Uint16(payload[9:]))
	if minPayload+topic > len(payload) {
		return document.Message{}, &damageError{"the topic is longer than its record"}
	}
	received := int64(binary.LittleEndian.Uint64(payload[1:])) //nolint:gosec // two's complement, as appendRecord wrote it
	return document.Message{
		Topic:    string(payload[minPayload : minPayload+topic]),
		Payload:  payload[minPayload+topic:],
		Retained: payload[0]&flagRetained != 0,
		Received: time.UnixMicro(received).UTC(),
	}, nil
}

// scanner reads the records of one segment in order.
type scanner struct {
	r      *bufio.Reader
	offset int64 // of the next record
	end    int64 // of the segment
}

func newScanner(r io.ReaderAt, offset, end int64) *scanner {
	return &scanner{
		r:      bufio.NewReaderSize(io.NewSectionReader(r, offset, end-offset), markEvery),
		offset: offset,
		end:    end,
	}
}

// next returns the payload of the next record, in buf where that is large enough.
// At the end it fails with io.EOF, at a record that is not whole with a damageError.
// It never allocates more than the segment has left.
func (s *scanner) next(buf []byte) ([]byte, error) {
	left := s.end - s.offset
	if left == 0 {
		return nil, io.EOF
	}
	if left < recordHeader {
		return nil, &damageError{fmt.Sprintf("a record of %d bytes is cut short", left)}
	}
	var header [recordHeader]byte
	if _, err := io.ReadFull(s.r, header[:]); err != nil {
		return nil, shrunk(err)
	}
	n := int64(binary.LittleEndian.Uint32(header[:]))
	if n < minPayload || n > left-recordHeader {
		return nil, &damageError{fmt.Sprintf("a record claims %d bytes where %d are left", n, left-recordHeader)}
	}
	if n > int64(cap(buf)) {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(s.r, buf); err != nil {
		return nil, shrunk(err)
	}
	if checksum(header[:4], buf) != binary.LittleEndian.Uint32(header[4:]) {
		return nil, &damageError{"the checksum of a record does not match"}
	}
	s.offset += recordHeader + n
	return buf, nil
}

// shrunk keeps a file that became shorter under its reader from passing for the end.
func shrunk(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &damageError{"the file is shorter than it was"}
	}
	return err
}
