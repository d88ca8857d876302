package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testbed(name string) string {
	return map[string]string{variableMosquitto: "/usr/sbin/mosquitto", variableOpenSearch: "http://127.0.0.1:29200/"}[name]
}

func TestOptionsHaveTheirDefaults(t *testing.T) {
	got, err := parseOptions(nil, testbed, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := options{rounds: 3, documents: 50_000, size: 1100, scale: counts{10_000, 100_000, 2_000_000}, backlogs: counts{10_000, 1_000_000}, repositories: 1000, mosquitto: "/usr/sbin/mosquitto", opensearch: "http://127.0.0.1:29200"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{}), cmp.Transformer("words", func(s []string) string { return strings.Join(s, " ") })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"bare", "bulk", "live", "drain", "snapshot", "idle", "latency", "steady"}, wanted(got)); diff != "" {
		t.Error(diff)
	}
}

func TestOnlySomeStages(t *testing.T) {
	got, err := parseOptions([]string{"--only", "bulk, scale"}, testbed, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bulk", "scale"}, wanted(got)); diff != "" {
		t.Error(diff)
	}
}

// wanted are the names of the stages that are to be measured.
func wanted(o options) []string {
	var names []string
	for _, s := range stages() {
		if o.wants(s) && !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

func TestNumbersOfMessagesAreAList(t *testing.T) {
	got, err := parseOptions([]string{"--scale", "10, 2000", "--backlogs", "7"}, testbed, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if got.scale.String() != "10,2000" || got.backlogs.String() != "7" {
		t.Errorf("got %v and %v", got.scale, got.backlogs)
	}
}

func TestMistakesAreTold(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		env  func(string) string
		want string
	}{
		"no rounds":          {[]string{"--rounds", "0"}, testbed, "--rounds 0"},
		"no documents":       {[]string{"--documents", "-1"}, testbed, "--documents -1"},
		"tiny documents":     {[]string{"--size", "10"}, testbed, "--size 10: must be at least 400"},
		"an unknown stage":   {[]string{"--only", "life"}, testbed, "--only life: must be some of bare, bulk, live"},
		"no number":          {[]string{"--scale", "many"}, testbed, `"many" must be a positive number`},
		"the same run twice": {[]string{"--backlogs", "7,7"}, testbed, `"7" must be a positive number that is there once`},
		"a stray argument":   {[]string{"live"}, testbed, `unexpected argument "live"`},
		"no servers":         {nil, func(string) string { return "" }, "testbed/testbed.sh up mosquitto opensearch"},
		"servers by another": {nil, func(string) string { return "opensearch:9200" }, "must be an http:// URL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseOptions(test.args, test.env, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to say %s", err, test.want)
			}
		})
	}
}
