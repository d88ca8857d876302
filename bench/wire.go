package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// The packets of MQTT 3.1.1 that are sent and understood here. The bench has a client of
// its own because on a machine of few cores its work is taken from what is measured: this
// one costs a copy for each message.
const (
	packetConnect    = 0x10
	packetConnack    = 0x20
	packetPublishQ1  = 0x32
	packetPublish    = 0x30 // of any QoS, by its upper half
	packetPuback     = 0x40
	packetSubscribe  = 0x82
	packetSuback     = 0x90
	packetDisconnect = 0xe0
)

const (
	maxPacket   = 256 << 20 // of the protocol, in bytes
	wireBuffer  = 64 << 10
	wireTimeout = 10 * time.Second
)

// wire is a connection to a broker, for one reader and one writer.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	body []byte // of the last packet
	stop func() bool
}

// dialWire connects with a session that ends with the connection, which ends with ctx.
func dialWire(ctx context.Context, addr, clientID string) (*wire, error) {
	dialer := net.Dialer{Timeout: wireTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	w := &wire{conn: conn, in: bufio.NewReaderSize(conn, wireBuffer), out: bufio.NewWriterSize(conn, wireBuffer)}
	w.stop = context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends a read or write that waits
	body := appendText(nil, "MQTT")
	body = append(body, 4, 2, 0, 0) // version 3.1.1, clean session, no keep alive
	answer, err := w.ask(packetConnect, appendText(body, clientID), packetConnack)
	if err == nil && (len(answer) != 2 || answer[1] != 0) {
		err = fmt.Errorf("the broker answers %v", answer)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mqtt connect: %w", err), w.close())
	}
	return w, nil
}

// subscribe asks for a filter at QoS 1.
func (w *wire) subscribe(filter string) error {
	body := append(appendText([]byte{0, 1}, filter), 1)
	answer, err := w.ask(packetSubscribe, body, packetSuback)
	if err == nil && (len(answer) != 3 || answer[2] != 1) {
		err = fmt.Errorf("the broker answers %v", answer)
	}
	if err != nil {
		return fmt.Errorf("mqtt subscribe to %s: %w", filter, err)
	}
	return nil
}

// ask sends a packet and waits for its answer.
func (w *wire) ask(kind byte, body []byte, want byte) ([]byte, error) {
	if err := w.conn.SetDeadline(time.Now().Add(wireTimeout)); err != nil {
		return nil, err
	}
	packet := append(appendLength([]byte{kind}, len(body)), body...)
	if _, err := w.out.Write(packet); err != nil {
		return nil, err
	}
	if err := w.out.Flush(); err != nil {
		return nil, err
	}
	got, answer, err := w.next()
	if err != nil {
		return nil, err
	}
	if got != want {
		return nil, fmt.Errorf("the broker answers with a packet of type %#x", got)
	}
	return answer, w.conn.SetDeadline(time.Time{})
}

// next reads a packet. Its body is valid until the next call.
func (w *wire) next() (kind byte, body []byte, err error) {
	if kind, err = w.in.ReadByte(); err != nil {
		return 0, nil, err
	}
	length, err := binary.ReadUvarint(w.in) // the same form as MQTT's
	if err != nil {
		return 0, nil, err
	}
	if length > maxPacket {
		return 0, nil, fmt.Errorf("a packet of %d bytes", length)
	}
	if uint64(cap(w.body)) < length {
		w.body = make([]byte, length)
	}
	w.body = w.body[:length]
	_, err = io.ReadFull(w.in, w.body)
	return kind, w.body, err
}

// publish writes a message of QoS 1 into the buffer.
func (w *wire) publish(topic string, id uint16, payload []byte) error {
	head := make([]byte, 0, 80)
	head = append(head, packetPublishQ1)
	head = appendLength(head, 2+len(topic)+2+len(payload))
	head = appendText(head, topic)
	head = binary.BigEndian.AppendUint16(head, id)
	if _, err := w.out.Write(head); err != nil {
		return err
	}
	_, err := w.out.Write(payload)
	return err
}

// acknowledge writes the answer to a message that was received into the buffer.
func (w *wire) acknowledge(publish []byte) error {
	if len(publish) < 2 {
		return errors.New("a message without a topic")
	}
	at := 2 + int(binary.BigEndian.Uint16(publish))
	if len(publish) < at+2 {
		return errors.New("a message without an id")
	}
	_, err := w.out.Write([]byte{packetPuback, 2, publish[at], publish[at+1]})
	return err
}

// close says good-bye, which a connection that is lost does not hear.
func (w *wire) close() error {
	w.stop()
	_, err := w.conn.Write([]byte{packetDisconnect, 0})
	if closing := w.conn.Close(); closing != nil && !errors.Is(closing, net.ErrClosed) {
		return errors.Join(err, closing)
	}
	return nil
}

func appendText(buf []byte, text string) []byte {
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(text))) //nolint:gosec // topics and ids of the bench are short
	return append(buf, text...)
}

func appendLength(buf []byte, n int) []byte {
	return binary.AppendUvarint(buf, uint64(n)) //nolint:gosec // a length is not negative
}
