package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/packets"
)

// TestPacketsAreThoseOfTheProtocol lets another implementation read what is sent. A
// publish of 3.1.1 is one of 5 but for the length of the properties.
func TestPacketsAreThoseOfTheProtocol(t *testing.T) {
	var sent bytes.Buffer
	w := scripted(t, &sent, nil)
	payload := bytes.Repeat([]byte("x"), 300) // a length of two bytes
	if err := w.publish("a/b", 513, payload); err != nil {
		t.Fatal(err)
	}
	if err := w.out.Flush(); err != nil {
		t.Fatal(err)
	}
	raw := sent.Bytes()
	topicEnd := 3 + 2 + len("a/b")
	v5 := append([]byte{raw[0]}, appendLength(nil, 2+3+2+1+300)...)
	v5 = append(v5, raw[3:topicEnd+2]...)
	v5 = append(append(v5, 0), raw[topicEnd+2:]...)
	read, err := packets.ReadPacket(bytes.NewReader(v5))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := read.Content.(*packets.Publish)
	if !ok || p.Topic != "a/b" || p.PacketID != 513 || p.QoS != 1 || !bytes.Equal(p.Payload, payload) {
		t.Errorf("read as %v", read.Content)
	}
}

func TestReceivedMessagesAreAcknowledgedByTheirID(t *testing.T) {
	var sent bytes.Buffer
	w := scripted(t, &sent, []byte{0x32, 7, 0, 1, 't', 0x12, 0x34, 'p', 'q'})
	if err := receive(w, 1); err != nil {
		t.Fatal(err)
	}
	if want := []byte{packetPuback, 2, 0x12, 0x34}; !bytes.Equal(sent.Bytes(), want) {
		t.Errorf("got % x, want % x", sent.Bytes(), want)
	}
}

func TestAConnectionThatEndsTooSoonSaysWhatIsMissing(t *testing.T) {
	w := scripted(t, new(bytes.Buffer), []byte{0x32, 7, 0, 1, 't', 0, 1, 'p', 'q'})
	if err := receive(w, 3); err == nil || !strings.Contains(err.Error(), "2 messages are missing") {
		t.Errorf("got %v", err)
	}
}

func TestABrokerThatRefusesIsAnError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 100))
		_, _ = conn.Write([]byte{packetConnack, 2, 0, 5})
		_, _ = conn.Read(make([]byte, 100)) // until the other side hangs up
	}()
	_, err = dialWire(context.Background(), listener.Addr().String(), "me")
	if err == nil || !strings.Contains(err.Error(), "the broker answers [0 5]") {
		t.Errorf("got %v", err)
	}
	_ = listener.Close()
	<-done
}
