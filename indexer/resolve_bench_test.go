package indexer

import "testing"

// What a route asks for beyond a JSON object is paid for by that route alone.
func BenchmarkResolve(b *testing.B) {
	const object = `{"time":"2026-05-06T00:30:00Z","room":"kitchen","value":21.5,"unit":"C","host":"a"}`
	for _, bb := range []struct {
		name    string
		route   Route
		payload string
	}{
		{"an object", Route{Topic: "s/+/+", Index: "s-{Y}-{m}", ID: "fields(room, time)", TimeField: "time"}, object},
		{"an object by position", Route{Topic: "s/+/+", Index: "s-{Y}-{m}"}, object},
		{"levels as fields", Route{Topic: "s/{place}/{kind}", Index: "s-{Y}-{m}"}, object},
		{"a value with levels and the time of receipt", Route{
			Topic: "s/{place}/{kind}", Index: "s-{Y}-{m}", Payload: PayloadValue, TimeField: "@timestamp", Untimed: UntimedStamp,
		}, "21.5"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			bb.route.Kind = KindDocument
			router, err := NewRouter([]Route{bb.route})
			if err != nil {
				b.Fatal(err)
			}
			e := entry("s/kitchen/temperature", bb.payload)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := router.Resolve(e, "log"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
