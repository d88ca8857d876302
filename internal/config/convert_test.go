package config

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// mistake stands for any error.
const mistake = "a mistake"

func TestTextIsReadByTheKindOfItsKey(t *testing.T) {
	for _, c := range []struct {
		kind kind
		text string
		want any
	}{
		{text, " a ", " a "}, {text, "", ""},
		{secretText, "pw", "pw"}, {secretText, "", ""},
		{words, "a/b, c\td,,\ne", []string{"a/b", "c", "d", "e"}}, {words, "  ", []string(nil)},
		{boolean, "true", true}, {boolean, "YES", true}, {boolean, "1", true}, {boolean, " no ", false},
		{boolean, "False", false}, {boolean, "0", false}, {boolean, "on", mistake}, {boolean, "", mistake}, {boolean, "2", mistake},
		{whole, "-5", -5}, {whole, "2.0", mistake}, {whole, "0x5", mistake}, {whole, "99999999999999999999", mistake}, {whole, "", mistake},
		{number, "2", 2.0}, {number, "2.5", 2.5}, {number, "1e2", 100.0}, {number, "NaN", mistake}, {number, "-Inf", mistake}, {number, "2,5", mistake},
		{duration, "1h30m", 90 * time.Minute}, {duration, "0s", time.Duration(0)}, {duration, "30", mistake},
		{duration, "0", mistake}, {duration, "7d", mistake}, {duration, "inf", mistake}, {duration, " ", mistake},
		{size, "1048576", int64(1 << 20)}, {size, "16MiB", int64(16 << 20)}, {size, "1GB", int64(1e9)}, {size, "1.5 kib", int64(1536)},
		{size, "9007199254740993", int64(9007199254740993)}, {size, "9EiB", mistake}, {size, "many", mistake}, {size, "", mistake},
		{list, "a", mistake}, {section, "a", mistake}, {unsupported, "a", mistake},
	} {
		got, err := fromText(c.kind, c.text)
		if err != nil {
			got = mistake
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q as %s (-want +got):\n%s", c.text, c.kind, diff)
		}
	}
}

func TestAValueWithATypeIsNotConverted(t *testing.T) {
	for _, c := range []struct {
		kind  kind
		value any
		want  any
	}{
		{label, "3.1.1", "3.1.1"}, {label, 5, "5"}, {label, 3.1, mistake}, {label, true, mistake},
		{text, "5", "5"}, {text, 5, mistake}, {text, true, mistake}, {text, 2.5, mistake}, {text, []string{"a"}, mistake}, {text, nil, mistake},
		{secretText, 5, mistake},
		{words, "a b", []string{"a", "b"}}, {words, []string{"a b"}, []string{"a b"}}, {words, []string{}, []string(nil)}, {words, 5, mistake},
		{boolean, true, true}, {boolean, "true", mistake}, {boolean, 1, mistake},
		{whole, 5, 5}, {whole, int64(5), 5}, {whole, uint64(5), 5}, {whole, 5.0, mistake}, {whole, "5", mistake}, {whole, uint64(math.MaxUint64), mistake},
		{number, 5, 5.0}, {number, 2.5, 2.5}, {number, "2.5", mistake}, {number, math.NaN(), mistake}, {number, math.Inf(1), mistake},
		{duration, "5m", 5 * time.Minute}, {duration, time.Second, time.Second}, {duration, 5, mistake}, {duration, 0, mistake}, {duration, 2.5, mistake},
		{size, 5, int64(5)}, {size, "1KiB", int64(1024)}, {size, 1.5, mistake}, {size, true, mistake},
		{list, "a", mistake}, {list, 5, mistake},
	} {
		got, err := fromValue(c.kind, c.value)
		if err != nil {
			got = mistake
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%#v as %s (-want +got):\n%s", c.value, c.kind, diff)
		}
	}
}

func TestDefaultsAreShownAsTheyAreWritten(t *testing.T) {
	for want, got := range map[string]string{
		"1h": showDuration(time.Hour), "1h30m": showDuration(90 * time.Minute), "168h": showDuration(7 * 24 * time.Hour),
		"1m": showDuration(time.Minute), "10s": showDuration(10 * time.Second), "0s": showDuration(0), "1h0m1s": showDuration(time.Hour + time.Second),
		"20m": showDuration(20 * time.Minute), "0": showSize(0), "1023": showSize(1023), "1KiB": showSize(1024), "5MiB": showSize(5 << 20),
		"1025": showSize(1025), "2048TiB": showSize(1 << 51),
	} {
		if got != want {
			t.Errorf("%s is shown, want %s", got, want)
		}
	}
}
