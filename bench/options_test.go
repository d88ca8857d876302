package main

import (
	"io"
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
	want := options{rounds: 3, documents: 50_000, size: 1100, mosquitto: "/usr/sbin/mosquitto", opensearch: "http://127.0.0.1:29200"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{}), cmp.Transformer("words", func(s []string) string { return strings.Join(s, " ") })); diff != "" {
		t.Error(diff)
	}
	if !got.wants("live") || !got.wants("steady") {
		t.Error("without --only, everything is to be measured")
	}
}

func TestOnlySomeStages(t *testing.T) {
	got, err := parseOptions([]string{"--only", "bulk, live"}, testbed, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if !got.wants("bulk") || !got.wants("live") || got.wants("drain") {
		t.Errorf("got %v", got.only)
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
