package mqttio

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"pulltrail/internal/document"
)

// braked is a connection before a long queue, from which there is something to read.
func braked(t *testing.T) (c *conn, q *queue) {
	t.Helper()
	q = newQueue()
	q.push(item{Message: document.Message{Payload: make([]byte, longQueueBytes)}})
	c = newConn(readOnly{r: bytes.NewReader([]byte{packets.PINGRESP << 4, 0})})
	c.queue = q
	return c, q
}

// readOne reads a packet in the background and closes done.
func readOne(c *conn) (done <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = packets.ReadPacket(c) // that it returns is what counts
	}()
	return ended
}

func isDone(done <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func TestAConnectionIsNotReadWhileTheQueueIsLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, q := braked(t)
		done := readOne(c)
		time.Sleep(time.Hour)
		if isDone(done) {
			t.Fatal("it was read")
		}
		q.take(t.Context())
		if !isDone(done) {
			t.Error("it is not read though the queue is empty")
		}
	})
}

func TestAnAnswerThatStaysAwayIsReadPastALongQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := braked(t)
		c.owed.ask()
		done := readOne(c)
		time.Sleep(answerPatience)
		if isDone(done) {
			t.Fatal("it was read before the patience had ended")
		}
		time.Sleep(2 * lookAgain)
		if !isDone(done) {
			t.Error("the answer is not read")
		}
	})
}

func TestAReadThatWaitsEndsWithTheConnectionOrTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, end := range map[string]func(*conn, *queue){
			"connection": func(c *conn, _ *queue) { _ = c.Close() },
			"queue":      func(_ *conn, q *queue) { q.close() },
		} {
			c, q := braked(t)
			done := readOne(c)
			end(c, q)
			if !isDone(done) {
				t.Errorf("it waits on when the %s is closed", name)
			}
		}
	})
}

func TestAPingIsOwedUntilItIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pong := []byte{packets.PINGRESP << 4, 0}
		c := newConn(&sink{readOnly{r: bytes.NewReader(pong)}})
		if _, err := packets.NewControlPacket(packets.PINGREQ).WriteTo(c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(answerPatience + time.Second)
		if !c.owed.overdue() {
			t.Error("a ping that is not answered is not overdue")
		}
		<-readOne(c)
		if c.owed.overdue() {
			t.Error("a ping that was answered is overdue")
		}
	})
}

// sink is a connection that takes everything.
type sink struct{ readOnly }

func (*sink) Write(p []byte) (int, error) { return len(p), nil }
