package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Index is one that a cluster has.
type Index struct {
	Name    string
	Created time.Time
	// Documents and Bytes, copies included in the bytes alone, are nil where they are not
	// known: the user may not see them, or the index is closed.
	Documents, Bytes *int64
}

// everyIndex lets a pattern take also what is closed or hidden, and nothing at all.
const everyIndex = "expand_wildcards=all&ignore_unavailable=true&allow_no_indices=true"

// Indices are those that a name with * in it takes, in the order of their names. An
// alias that it takes brings the indices behind it, whatever their names. With sizes,
// their documents and bytes are asked for too, for which another permission may be
// needed: without it they are nil.
func (c *Client) Indices(ctx context.Context, wildcard string, sizes bool) ([]Index, error) {
	answer, err := c.do(ctx, http.MethodGet, "/"+url.PathEscape(wildcard)+"/_settings/index.creation_date?flat_settings=true&"+everyIndex, "", nil)
	if err != nil {
		return nil, err
	}
	var reply map[string]struct {
		Settings struct {
			Created string `json:"index.creation_date"`
		} `json:"settings"`
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return nil, notJSON(answer, err)
	}
	found := make([]Index, 0, len(reply))
	for name, index := range reply {
		millis, err := strconv.ParseInt(index.Settings.Created, 10, 64)
		if err != nil {
			return nil, notJSON(answer, fmt.Errorf("the creation date of index %s: %w", name, err))
		}
		found = append(found, Index{Name: name, Created: time.UnixMilli(millis).UTC()})
	}
	slices.SortFunc(found, func(a, b Index) int { return strings.Compare(a.Name, b.Name) })
	if sizes && len(found) > 0 {
		err = c.measure(ctx, wildcard, found)
	}
	return found, err
}

// measure adds documents and bytes.
func (c *Client) measure(ctx context.Context, wildcard string, indices []Index) error {
	answer, err := c.do(ctx, http.MethodGet, "/"+url.PathEscape(wildcard)+"/_stats/docs,store?forbid_closed_indices=false&"+
		"filter_path=indices.*.primaries.docs.count,indices.*.total.store.size_in_bytes&"+everyIndex, "", nil)
	var refused *Error
	if errors.As(err, &refused) && refused.Class == Forbidden {
		return nil
	}
	if err != nil {
		return err
	}
	var reply struct {
		Indices map[string]struct {
			Primaries struct {
				Docs struct{ Count *int64 }
			}
			Total struct {
				Store struct {
					Size *int64 `json:"size_in_bytes"`
				}
			}
		}
	}
	if err := json.Unmarshal(answer, &reply); err != nil {
		return notJSON(answer, err)
	}
	for i := range indices {
		stats := reply.Indices[indices[i].Name]
		indices[i].Documents, indices[i].Bytes = stats.Primaries.Docs.Count, stats.Total.Store.Size
	}
	return nil
}

// DeleteIndex deletes one index for good. A name with a wildcard, and that of an alias,
// is refused; one that does not exist is an error of the class Missing.
func (c *Client) DeleteIndex(ctx context.Context, index string) error {
	if index == "" || index == "_all" || strings.ContainsAny(index, "*?,") {
		return &Error{Class: Refused, Err: fmt.Errorf("%q is not the name of one index", index)}
	}
	_, err := c.do(ctx, http.MethodDelete, "/"+url.PathEscape(index), "", nil)
	return err
}

// Clock is the time that the cluster has, in whole seconds.
func (c *Client) Clock(ctx context.Context) (time.Time, error) {
	answer, err := c.do(ctx, http.MethodGet, "/_cat/health?format=json&h=epoch", "", nil)
	if err != nil {
		return time.Time{}, err
	}
	var reply []struct{ Epoch string }
	if err := json.Unmarshal(answer, &reply); err != nil || len(reply) != 1 {
		return time.Time{}, notJSON(answer, errors.Join(errors.New("it is no health"), err))
	}
	seconds, err := strconv.ParseInt(reply[0].Epoch, 10, 64)
	if err != nil {
		return time.Time{}, notJSON(answer, err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
