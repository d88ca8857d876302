package mqttio

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// webSockets serves WebSockets at /mqtt before a broker.
func webSockets(t *testing.T, to string) http.Handler {
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	mux := http.NewServeMux()
	mux.HandleFunc("/mqtt", func(w http.ResponseWriter, r *http.Request) {
		upgrade := websocket.Upgrader{Subprotocols: []string{"mqtt"}}
		ws, err := upgrade.Upgrade(w, r, nil)
		if err != nil {
			return // the answer says it
		}
		running.Add(1)
		defer running.Done()
		near := &webSocket{Conn: ws}
		defer near.Close()
		if ws.Subprotocol() != "mqtt" {
			t.Errorf("the subprotocol is %q", ws.Subprotocol())
		}
		far, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer far.Close()
		running.Go(func() {
			_, _ = io.Copy(far, near)
			_ = far.Close()
		})
		_, _ = io.CopyBuffer(struct{ io.Writer }{near}, far, make([]byte, 700)) // packets do not fit messages
	})
	return mux
}

func TestWebSocketsCarryItToo(t *testing.T) {
	b, _, _ := startBroker(t, "127.0.0.1:0")
	plain := httptest.NewServer(webSockets(t, b.Addr().String()))
	defer plain.Close()
	secure := httptest.NewTLSServer(webSockets(t, b.Addr().String()))
	defer secure.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ url, ca string }{
		"plain":     {"ws" + strings.TrimPrefix(plain.URL, "http"), ""},
		"encrypted": {"wss" + strings.TrimPrefix(secure.URL, "https") + "/mqtt", ca},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			cfg.TLS.CAFile = c.ca
			o, kept := newOutbox(), &store{}
			for n := range 100 {
				o.add(pending("a", n+1))
			}
			large := pending("large", 1)
			large.Payload = []byte(large.ID + strings.Repeat("x", 1<<20))
			opts := subscriberOptions(c.url, kept)
			opts.Confirm = o.Confirm
			s := newTestSubscriber(t, cfg, opts)
			start(t, s.Run)
			ready(t, s)
			start(t, newTestPublisher(t, cfg, c.url, o).Run)
			eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
			o.add(large)
			eventually(t, "the large one", func() bool { return kept.times(string(large.Payload)) > 0 })
			if err := o.Confirm(t.Context(), []string{large.ID}); err != nil {
				t.Fatal(err)
			}
			if _, err := Probe(t.Context(), cfg, c.url); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatIsNoWebSocketSaysTheRemedy(t *testing.T) {
	b, _, _ := startBroker(t, "127.0.0.1:0")
	server := httptest.NewUnstartedServer(webSockets(t, b.Addr().String()))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	defer server.Close()
	wss := "wss" + strings.TrimPrefix(server.URL, "https")
	trusting := testConfig()
	trusting.TLS.InsecureSkipVerify = true
	for name, c := range map[string]struct {
		cfg       Config
		url, want string
	}{
		"another path":            {trusting, wss + "/other", `it answers "404 Not Found" and opens no WebSocket: check the port and the path in mqtt.url`},
		"an unknown certificate":  {testConfig(), wss, "mqtt.tls.ca_file"},
		"a port where nobody is":  {testConfig(), "ws://127.0.0.1:1", "connection refused"},
		"TLS where there is none": {trusting, "wss://" + b.Addr().String(), "cannot connect"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestPublisher(t, c.cfg, c.url, newOutbox())
			start(t, p.Run)
			eventually(t, "the remedy", func() bool { return strings.Contains(p.State().Err, c.want) })
		})
	}
}

func TestAWebSocketThatIsClosedIsTheEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		_ = ws.WriteMessage(websocket.BinaryMessage, nil)
		_ = ws.WriteMessage(websocket.BinaryMessage, []byte("ab"))
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), time.Now().Add(time.Second))
		_ = ws.Close()
	}))
	defer server.Close()
	u, err := parseBroker("ws" + strings.TrimPrefix(server.URL, "http"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := dialWebSocket(t.Context(), u, new(tls.Config))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); string(got) != "ab" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}
