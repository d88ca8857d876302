package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrNoSecurity says that a cluster has no security plugin, or one that is switched off:
// it knows no users and lets everybody in.
var ErrNoSecurity = errors.New("the cluster has no security plugin")

// Identity is who asks, as an OpenSearch with its security plugin knows them.
type Identity struct {
	Name  string   `json:"user_name"`
	Roles []string `json:"roles"`
}

// Identity asks an OpenSearch who we are. Every user may; the error is ErrNoSecurity
// where there are none.
func (c *Client) Identity(ctx context.Context) (who Identity, err error) {
	answer, err := c.do(ctx, http.MethodGet, "/_plugins/_security/authinfo", "", nil)
	var refused *Error
	if errors.As(err, &refused) && strings.Contains(refused.Reason, "no handler found") {
		return who, ErrNoSecurity
	}
	if err != nil {
		return who, err
	}
	if err := json.Unmarshal(answer, &who); err != nil {
		return who, notJSON(answer, err)
	}
	return who, nil
}

// Get reads what stands at a path of the cluster's API; found is false where nothing
// does.
func (c *Client) Get(ctx context.Context, path string, into any) (found bool, err error) {
	answer, err := c.do(ctx, http.MethodGet, path, "", nil)
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return false, notJSON(answer, err)
	}
	return true, nil
}

// Put makes or replaces what stands at a path of the cluster's API.
func (c *Client) Put(ctx context.Context, path string, object any) error {
	body, err := json.Marshal(object)
	if err != nil {
		return &Error{Class: Unexpected, Err: fmt.Errorf("encode the body of %s: %w", path, err)}
	}
	_, err = c.do(ctx, http.MethodPut, path, "application/json", body)
	return err
}
