//go:build integration

package indexer

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/secret"
	"pulltrail/internal/sinktest"
	"pulltrail/internal/tlsconf"
)

// apiKey lets the administrator make a key with privileges for the testbed's indices,
// which are the names of a JSON array.
func apiKey(t *testing.T, c realCluster, privileges string) (id string, key secret.String) {
	t.Helper()
	status, answer := c.request(t, http.MethodPost, "/_security/api_key", fmt.Sprintf(
		`{"name":%q,"role_descriptors":{"r":{"indices":[{"names":["dockerhub-*"],"privileges":%s}]}}}`, t.Name(), privileges))
	var made struct{ ID, Encoded string }
	if err := json.Unmarshal(answer, &made); err != nil || status != http.StatusOK || made.Encoded == "" {
		t.Fatalf("%d %s", status, answer)
	}
	return made.ID, secret.New(made.Encoded)
}

func withKey(t *testing.T, c realCluster, key secret.String) *Cluster {
	return openElastic(t, ElasticsearchConfig{APIKey: key, ClusterConfig: ClusterConfig{
		URLs: []string{c.base}, Timeout: 30 * time.Second, TLS: tlsconf.Config{CAFile: neighbour(t, "ELASTICSEARCH_CA")},
	}})
}

func TestElasticsearchConformsForRealWithAnAPIKey(t *testing.T) {
	c := realElasticsearch(t)
	_, key := apiKey(t, c, `["create_index","write"]`)
	sinktest.Run(t, func(t *testing.T) sinktest.Target {
		return sinktest.Target{Sink: withKey(t, c, key), Prefix: realPrefix, Read: c.read}
	})
}

func TestAnAPIKeyThatIsOverIsAWrongOneForReal(t *testing.T) {
	c := realElasticsearch(t)
	id, key := apiKey(t, c, `["create_index","write"]`)
	sink, index := withKey(t, c, key), realIndex()
	if _, err := sink.Write(t.Context(), []document.Document{note(index, "a", `{"n":1}`)}); err != nil {
		t.Fatal(err)
	}
	if status, answer := c.request(t, http.MethodDelete, "/_security/api_key", fmt.Sprintf(`{"ids":[%q]}`, id)); status != http.StatusOK {
		t.Fatalf("%s", answer)
	}
	_, err := sink.Write(t.Context(), []document.Document{note(index, "b", `{"n":1}`)})
	if err == nil || causeOf(err) != "authentication" || !strings.HasPrefix(err.Error(), "API key refused (status 401)") {
		t.Errorf("error %v", err)
	}
}

func TestAnAPIKeyWithoutAPermissionForReal(t *testing.T) {
	c := realElasticsearch(t)
	_, key := apiKey(t, c, `["create_index"]`)
	_, err := withKey(t, c, key).Write(t.Context(), []document.Document{note(realIndex(), "a", `{"n":1}`)})
	if err == nil || causeOf(err) != "forbidden" || !strings.HasPrefix(err.Error(), "the permission write is missing") {
		t.Errorf("no write: %v", err)
	}
	_, key = apiKey(t, c, `["write"]`)
	results, err := withKey(t, c, key).Write(t.Context(), []document.Document{note(realIndex(), "a", `{"n":1}`)})
	if err != nil || !errors.Is(results[0], ErrForbidden) || !strings.HasPrefix(results[0].Error(), "a permission is missing: create_index on index ") {
		t.Errorf("no create_index: %v, %v", results, err)
	}
}

func TestFingerprintsForReal(t *testing.T) {
	c := realElasticsearch(t)
	authority := neighbour(t, "ELASTICSEARCH_FINGERPRINT")
	wrong := strings.Repeat("0", 64)
	for _, tt := range []struct{ name, fingerprint, want string }{
		{"that of the authority", authority, ""},
		{"that of the authority in another notation", strings.ToUpper(authority[:2] + ":" + authority[2:]), ""},
		{"that of the server", serverFingerprint(t, c.base), ""},
		{"another", wrong, "no certificate that the server sends has the configured fingerprint"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sink := openElastic(t, ElasticsearchConfig{Fingerprint: tt.fingerprint, ClusterConfig: ClusterConfig{
				URLs: []string{c.base}, Timeout: 30 * time.Second, Username: c.user, Password: secret.New(c.password),
			}})
			err := sink.Ping(t.Context())
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || causeOf(err) != "unreachable") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func serverFingerprint(t *testing.T, base string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(base, "https://"), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // to see its certificate
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	digest := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw)
	return hex.EncodeToString(digest[:])
}

func TestACertificateOfAnUnknownAuthorityForReal(t *testing.T) {
	c := realElasticsearch(t)
	err := c.open(t, func(cfg *ClusterConfig) { cfg.TLS = tlsconf.Config{} }).Ping(t.Context())
	if err == nil || causeOf(err) != "unreachable" || !strings.Contains(err.Error(), "name its CA in tls.ca_file") {
		t.Errorf("error %v", err)
	}
}

// The other's client would mostly work, and fail one day.
func TestAnotherProductIsRefusedForReal(t *testing.T) {
	c := realOpenSearch(t)
	sink := openElastic(t, ElasticsearchConfig{ClusterConfig: ClusterConfig{URLs: []string{c.base}, Timeout: 30 * time.Second}})
	if err := sink.Ping(t.Context()); err == nil || causeOf(err) != "unexpected" || !strings.Contains(err.Error(), "name an OpenSearch in indexer.opensearch.urls") {
		t.Errorf("error %v", err)
	}
}
