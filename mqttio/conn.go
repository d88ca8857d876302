package mqttio

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

const connBuffer = 64 << 10 // bytes, each way

// conn is a network connection that reads in large pieces, writes each packet in one,
// and remembers why it ended.
//
// The client of MQTT 5 locks the connection around each packet if it is a sync.Locker, so
// Unlock is where a packet is complete. For that of MQTT 3.1.1 there is whole.
type conn struct {
	net.Conn
	in      *bufio.Reader
	packets framing // of what is read
	greeted bool    // the first bytes were read
	queue   *queue  // behind the connection; nil for none
	owed    owed
	closed  chan struct{}
	closing sync.Once

	mu    sync.Mutex
	out   *bufio.Writer
	held  bool
	begun bool // the first byte of a packet is written

	ended sync.Mutex
	cause error
	first []byte // what was read first, as long as greeting
}

func newConn(c net.Conn) *conn {
	return &conn{
		Conn: c, in: bufio.NewReaderSize(c, connBuffer), out: bufio.NewWriterSize(c, connBuffer), closed: make(chan struct{}),
	}
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
		return n, err
	}
	if !c.greeted {
		c.greeted = c.greet(p[:n])
	}
	if c.packets.pass(p[:n]) {
		err = io.EOF
	}
	for ; c.packets.pongs > 0; c.packets.pongs-- {
		c.owed.answered()
	}
	return n, err
}

// greeting is how many bytes tell what the broker answers to CONNECT.
const greeting = 4

// greet remembers the first bytes, and says whether they are complete.
func (c *conn) greet(p []byte) bool {
	c.ended.Lock()
	defer c.ended.Unlock()
	c.first = append(c.first, p[:min(len(p), greeting-len(c.first))]...)
	return len(c.first) == greeting
}

// refusesVersion reports whether the broker has answered, in whichever version it speaks,
// that it does not speak ours (MQTT 5.0, section 3.2.2.2, and 3.1.1, section 3.2.2.3).
func (c *conn) refusesVersion() bool {
	c.ended.Lock()
	defer c.ended.Unlock()
	return len(c.first) == greeting && c.first[0]>>4 == packetConnack && c.first[1] < 0x80 &&
		(c.first[3] == codeVersion || c.first[3] == codeVersion311)
}

// hungUp reports whether the broker has ended the connection without a word.
func (c *conn) hungUp() bool {
	c.ended.Lock()
	defer c.ended.Unlock()
	return len(c.first) == 0 && peerEnded(c.cause)
}

func (c *conn) endedByPeer() bool {
	c.ended.Lock()
	defer c.ended.Unlock()
	return peerEnded(c.cause)
}

func peerEnded(cause error) bool {
	return errors.Is(cause, io.EOF) || errors.Is(cause, syscall.ECONNRESET)
}

// Close ends the connection, and a Read that waits.
func (c *conn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// Write is called between Lock and Unlock.
func (c *conn) Write(p []byte) (int, error) {
	if !c.begun && len(p) > 0 {
		c.begun = true
		if p[0]>>4 == packetPingreq {
			c.owed.ask()
		}
	}
	return c.out.Write(p)
}

// Lock begins a packet.
func (c *conn) Lock() {
	c.mu.Lock()
	c.begun = false
}

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
		_ = c.Close() // the client notices by what it reads
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
