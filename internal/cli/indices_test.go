package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// indexed is how many documents the fake cluster has: one a day from 2020-01-01 on, of
// which two, behind the first page, are bodies of errors.
const indexed = 700

// serveIndices is a cluster as far as an import asks of it. The first request for the
// documents behind the first page leaves the file "asked" in dir, and is not answered.
func serveIndices(t *testing.T, dir, product string) string {
	asked := filepath.Join(dir, "asked")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", product)
		var request struct {
			Size        int
			SearchAfter []int64 `json:"search_after"`
			Query       struct {
				Range struct{ Timestamp struct{ GTE int64 } }
			}
		}
		if r.URL.Path != "/_search" {
			fmt.Fprint(w, `{"pit_id":"p"}`)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if _, err := os.Stat(asked); err != nil && len(request.SearchAfter) > 0 {
			if err := os.WriteFile(asked, nil, 0o600); err != nil {
				panic(err)
			}
			<-r.Context().Done()
			return
		}
		from := max(request.Query.Range.Timestamp.GTE-1, 0)
		if len(request.SearchAfter) > 0 {
			from = request.SearchAfter[0]
		}
		var hits []string
		total := 0
		for i := range indexed {
			at := time.Date(2020, 1, 1+i, 1, 0, 0, 0, time.UTC)
			if at.UnixMilli() <= from {
				continue
			}
			source := fmt.Sprintf(`{"user":"me","name":"app","namespace":"me","pull_count":%d,"timestamp":%q}`, i, at.Format("2006-01-02T15:04:05-07:00"))
			if i == 599 || i == 699 {
				source = fmt.Sprintf(`{"detail":"Rate limit exceeded","timestamp":%q}`, at.Format(time.RFC3339))
			}
			if total++; len(hits) < request.Size {
				hits = append(hits, fmt.Sprintf(`{"_index":"metrics-1","_id":"%d","_source":%s,"sort":[%d,%d]}`, i, source, at.UnixMilli(), i))
			}
		}
		fmt.Fprintf(w, `{"hits":{"total":{"value":%d},"hits":[%s]}}`, total, strings.Join(hits, ","))
	}))
	t.Cleanup(server.Close)
	return server.URL
}
