package trail

import (
	"encoding/csv"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// recorded is a real series, which is not part of this repository: it is looked for
// beside the folder that PULLTRAIL_RECORDED names, otherwise beside the checkout.
func recorded(t *testing.T) []Sample {
	t.Helper()
	const name = "datasetteproject_datasette.csv"
	folder := filepath.Join("..", "..", "..", "shared", "hub", "series")
	if dir := os.Getenv("PULLTRAIL_RECORDED"); dir != "" {
		folder = filepath.Join(dir, "..", "series")
	}
	file, err := os.Open(filepath.Join(folder, name))
	if os.IsNotExist(err) {
		t.Skipf("there is no recorded series %s: PULLTRAIL_RECORDED names no folder that has it beside it", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var samples []Sample
	for _, r := range rows[1:] { // time, pulls, stars, last updated, size
		samples = append(samples, parsed(t, r))
	}
	return samples
}

func parsed(t *testing.T, r []string) Sample {
	t.Helper()
	observed, err := time.Parse(time.RFC3339, r[0])
	if err != nil {
		t.Fatal(err)
	}
	pulls, err := strconv.ParseInt(r[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	updated, err := time.Parse(time.RFC3339Nano, r[3])
	if err != nil {
		t.Fatal(err)
	}
	return Sample{Time: observed, Pulls: pulls, LastUpdated: &updated}
}

// exactly is the total at a moment by exact fractions, found without any of the
// package; the series has no falls. False outside of it.
func exactly(samples []Sample, at time.Time) (*big.Rat, bool) {
	for i := 1; i < len(samples); i++ {
		a, b := samples[i-1], samples[i]
		if at.Before(a.Time) || at.After(b.Time) {
			continue
		}
		part := big.NewRat(int64(at.Sub(a.Time)), int64(b.Time.Sub(a.Time)))
		part.Mul(part, new(big.Rat).SetInt64(b.Pulls-a.Pulls))
		return part.Add(part, new(big.Rat).SetInt64(a.Pulls)), true
	}
	return nil, false
}

func floor(r *big.Rat) int64 { return new(big.Int).Div(r.Num(), r.Denom()).Int64() }

func TestARecordedSeriesAgainstExactFractions(t *testing.T) {
	samples := recorded(t)
	days := map[time.Time]Period{}
	for _, p := range New(samples).Daily(time.Time{}, time.Time{}, 0) {
		days[p.Start] = p
	}
	first, newest := samples[0], samples[len(samples)-1]
	var total int64
	for start := time.Date(2023, 3, 31, 0, 0, 0, 0, time.UTC); start.Before(newest.Time); start = start.AddDate(0, 0, 1) {
		from, whole := exactly(samples, start)
		if !whole {
			from = new(big.Rat).SetInt64(first.Pulls)
		}
		to, ended := exactly(samples, start.AddDate(0, 0, 1))
		if !ended {
			to, whole = new(big.Rat).SetInt64(newest.Pulls), false
		}
		want := Period{Start: start, Pulls: floor(to) - floor(from), Partial: !whole}
		if got := days[start]; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		off := new(big.Rat).Sub(new(big.Rat).Sub(to, from), new(big.Rat).SetInt64(want.Pulls))
		if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
			t.Errorf("%v is %v away from the exact value", want, off)
		}
		total += days[start].Pulls
		delete(days, start)
	}
	if len(days) > 0 {
		t.Errorf("there are days outside of the series: %v", days)
	}
	if total != newest.Pulls-first.Pulls {
		t.Errorf("the days make %d, the totals %d", total, newest.Pulls-first.Pulls)
	}
}

func TestARecordedSeriesHasItsPushesAndGaps(t *testing.T) {
	samples := recorded(t)
	c := New(samples)
	var want []Push
	for i := 1; i < len(samples); i++ {
		if updated := *samples[i].LastUpdated; !updated.Equal(*samples[i-1].LastUpdated) {
			want = append(want, Push{At: updated, Seen: samples[i].Time.UTC()})
		}
	}
	got := c.Pushes()
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
	gaps := 0
	for _, d := range c.Daily(time.Time{}, time.Time{}, 2*day) {
		if d.Gap {
			gaps++
		}
	}
	if gaps < 2 || gaps > 4 || c.Restatements() != nil { // one silence of 78 hours
		t.Errorf("%d days are gaps, and there are the restatements %v", gaps, c.Restatements())
	}
}
