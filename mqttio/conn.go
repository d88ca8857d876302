package mqttio

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
)

const connBuffer = 64 << 10 // bytes, each way

// conn is a network connection that reads in large pieces, writes each packet in one,
// and remembers why it ended.
//
// paho locks the connection around each packet if it is a sync.Locker, so Unlock is
// where a packet is complete.
type conn struct {
	net.Conn
	in      *bufio.Reader
	packets framing // of what is read
	queue   *queue  // behind the connection; nil for none
	owed    owed
	closed  chan struct{}
	closing sync.Once

	mu   sync.Mutex
	out  *bufio.Writer
	held bool

	ended sync.Mutex
	cause error
}

func newConn(c net.Conn) *conn {
	return &conn{
		Conn: c, in: bufio.NewReaderSize(c, connBuffer), out: bufio.NewWriterSize(c, connBuffer), closed: make(chan struct{}),
	}
}

// dial connects to a URL that parseBroker has read; config is for those that ask for
// encryption. The context bounds the handshake too.
func dial(ctx context.Context, u *url.URL, config *tls.Config) (*conn, error) {
	var d interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	} = &net.Dialer{}
	if isTLS(u) {
		d = &tls.Dialer{Config: config}
	}
	c, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, explainTLS(err)
	}
	return newConn(c), nil
}

func explainTLS(err error) error {
	var unverified *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &unverified):
		return fmt.Errorf("%w: name the broker's CA in mqtt.tls.ca_file, and its name in mqtt.tls.server_name if it differs from the URL's", err)
	case errors.As(err, &header):
		return fmt.Errorf("%w: the broker does not speak TLS on this port: write the port for TLS, usually %s, or mqtt://", err, tlsPort)
	}
	return err
}

// Read says io.EOF with the last bytes of each packet. paho reads a packet into a
// buffer of its length, and makes that twice as long, with a copy of everything, only to
// hear that there is nothing more; this way it hears it before. What reads a given
// number of bytes, as it does elsewhere, takes no notice.
func (c *conn) Read(p []byte) (int, error) {
	if c.queue != nil && c.in.Buffered() == 0 {
		c.brake()
	}
	n, err := c.in.Read(p)
	if err != nil {
		c.end(err)
	} else if c.packets.pass(p[:n]) {
		err = io.EOF
	}
	return n, err
}

// Close ends the connection, and a Read that waits.
func (c *conn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// Write is called between Lock and Unlock.
func (c *conn) Write(p []byte) (int, error) { return c.out.Write(p) }

// Lock begins a packet.
func (c *conn) Lock() { c.mu.Lock() }

// Unlock ends a packet, which is sent.
func (c *conn) Unlock() {
	if !c.held {
		c.flush()
	}
	c.mu.Unlock()
}

// together sends the packets that write writes at once.
func (c *conn) together(write func()) {
	c.mu.Lock()
	c.held = true
	c.mu.Unlock()
	write()
	c.mu.Lock()
	c.held = false
	c.flush()
	c.mu.Unlock()
}

func (c *conn) flush() {
	if err := c.out.Flush(); err != nil {
		c.end(err)
		_ = c.Close() // paho notices by what it reads
	}
}

// end remembers the first error.
func (c *conn) end(err error) {
	c.ended.Lock()
	defer c.ended.Unlock()
	if c.cause == nil {
		c.cause = err
	}
}

// why is the reason for the end in words.
func (c *conn) why() string {
	c.ended.Lock()
	defer c.ended.Unlock()
	switch {
	case c.cause == nil || errors.Is(c.cause, net.ErrClosed):
		return "the broker has not answered in time"
	case errors.Is(c.cause, io.EOF):
		return "the broker has closed the connection"
	}
	return c.cause.Error()
}
