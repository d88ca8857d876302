package mqttio
import ("testing";"time";"github.com/prometheus/client_golang/prometheus/testutil";"log/slog";"os";"pulltrail/internal/broker")
func TestDbg(t *testing.T){
	for i:=0;i<1500;i++{
		b := broker.New("127.0.0.1:0", slog.New(slog.NewTextHandler(os.Stderr,&slog.HandlerOptions{Level: slog.LevelInfo})))
		if err := b.Listen(); err != nil { t.Fatal(err) }
		stopb := start(t, b.Serve)
		url := "mqtt://" + b.Addr().String()
		other := connect(t, b, "other", "t/#")
		o := newOutbox()
		for slot := range 40 { o.add(pending("a", slot+1), pending("b", slot+1)) }
		p := newTestPublisher(t, testConfig(), url, o)
		p.link.pace.publish = time.Hour
		stop := start(t, p.Run)
		d := time.Now().Add(2*time.Second)
		for len(other.all())<80 && time.Now().Before(d) { time.Sleep(time.Millisecond)}
		if len(other.all())<80 {
			for _, r := range []string{"accepted","failed","refused","no_subscribers"} { t.Log(r, testutil.ToFloat64(p.counts.published.WithLabelValues(r))) }
			got := map[string]int{}
			for _, m := range other.all() { got[string(m.Payload)]++ }
			for _, x := range o.items { if got[x.ID]==0 { t.Log("missing", x.ID)} }
			t.Logf("iter %d: %d %+v", i, len(other.all()), p.State())
			t.FailNow()
		}
		stop(); stopb()
	}
}
