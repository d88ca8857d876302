package indexer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"pulltrail/internal/document"
	"pulltrail/internal/search"
	"pulltrail/internal/secret"
)

// maxKnown bounds the names of indices that are remembered; beyond it they are
// forgotten, which costs one request each.
const maxKnown = 10_000

// OpenSearchOptions are what the configuration does not say.
type OpenSearchOptions struct {
	Log *slog.Logger
}

// OpenSearch is the Sink for an OpenSearch cluster. Documents are stored with the
// operation create, so that the first writer of an id wins. An index is created with
// its body before the first write to it, and never looked at, so that the permissions
// create_index and write are enough; where even creating is not permitted, the write
// is tried all the same.
type OpenSearch struct {
	client *search.Client
	log    *slog.Logger

	mu    sync.Mutex
	known map[string]struct{} // indices that need no creating
}

// NewOpenSearch makes the sink; it does not connect. Close it.
func NewOpenSearch(cfg OpenSearchConfig, opts OpenSearchOptions) (*OpenSearch, error) {
	password := cfg.Password
	if !password.IsSet() && cfg.PasswordFile != "" {
		var err error
		if password, err = secret.ReadFile(cfg.PasswordFile); err != nil {
			return nil, fmt.Errorf("opensearch: password_file %s: %w", cfg.PasswordFile, err)
		}
	}
	client, err := search.New(search.Options{
		URLs: cfg.URLs, Username: cfg.Username, Password: password, TLS: cfg.TLS, Timeout: cfg.Timeout,
		Compress: cfg.compresses(),
	})
	if err != nil {
		return nil, fmt.Errorf("opensearch: %w", err)
	}
	if warning := cfg.TLS.Warning("OpenSearch"); warning != "" {
		opts.Log.Warn(warning)
	}
	return &OpenSearch{client: client, log: opts.Log, known: make(map[string]struct{})}, nil
}

// String is "opensearch".
func (o *OpenSearch) String() string { return "opensearch" }

// Close ends the connections.
func (o *OpenSearch) Close() error { return o.client.Close() }

// Ping says why the cluster cannot be used. A user who is known, but may not see
// the front page, is no reason.
func (o *OpenSearch) Ping(ctx context.Context) error { return o.client.Ping(ctx) }

// Write stores documents; see Sink.
func (o *OpenSearch) Write(ctx context.Context, docs []document.Document) ([]error, error) {
	if len(docs) == 0 {
		return nil, nil
	}
	unmade, err := o.createIndices(ctx, docs)
	if err != nil {
		return nil, err
	}
	results := make([]error, len(docs))
	sent, at := docs, []int(nil) // at[i] is where sent[i] stands in docs; nil: i
	if len(unmade) > 0 {
		sent = nil
		for i, doc := range docs {
			if results[i] = unmade[doc.Index]; results[i] == nil {
				sent, at = append(sent, doc), append(at, i)
			}
		}
	}
	answers, err := o.client.Create(ctx, sent)
	if err != nil {
		return nil, err
	}
	for i, answer := range answers {
		where := i
		if at != nil {
			where = at[i]
		}
		results[where] = o.meaning(docs[where].Index, answer)
	}
	return results, nil
}

// createIndices sees to the indices of some documents. Those that cannot be had come
// back with what becomes of their documents; the error is for all of them.
func (o *OpenSearch) createIndices(ctx context.Context, docs []document.Document) (unmade map[string]error, err error) {
	for _, doc := range docs {
		if doc.IndexBody == nil || o.isKnown(doc.Index) || unmade[doc.Index] != nil {
			continue
		}
		err := o.client.CreateIndex(ctx, doc.Index, doc.IndexBody)
		var refused *search.Error
		switch {
		case err == nil:
			o.remember(doc.Index)
			continue
		case !errors.As(err, &refused):
			return nil, err
		}
		switch refused.Class {
		case search.Forbidden:
			o.remember(doc.Index) // it may be there, or be made by the write
		case search.Refused:
			// A wrong body must not become an index with a guessed mapping; mending it
			// mends the documents, so they are kept as forbidden ones are.
			unmade = add(unmade, doc.Index, fmt.Errorf("%w: index %s cannot be created: %w", ErrForbidden, doc.Index, refused))
		case search.Blocked:
			unmade = add(unmade, doc.Index, fmt.Errorf("index %s cannot be created for now: %w", doc.Index, refused))
		default:
			return nil, err
		}
	}
	return unmade, nil
}

func add(m map[string]error, index string, err error) map[string]error {
	if m == nil {
		m = make(map[string]error)
	}
	m[index] = err
	return m
}

// meaning is a document's answer in the terms of Sink.
func (o *OpenSearch) meaning(index string, answer error) error {
	var refused *search.Error
	if !errors.As(answer, &refused) {
		return answer
	}
	switch refused.Class {
	case search.Refused, search.TooLarge:
		return document.Permanent(fmt.Errorf("index %s refuses the document: %w", index, refused))
	case search.Forbidden:
		o.forget(index) // once the permission is there, it is to be made with its body
		return fmt.Errorf("%w: writing to index %s: %w", ErrForbidden, index, refused)
	case search.Missing:
		o.forget(index) // made again with its body at the next write
		return fmt.Errorf("%w: index %s does not exist and may not be created: %w", ErrForbidden, index, refused)
	}
	return fmt.Errorf("index %s: %w", index, refused)
}

func (o *OpenSearch) isKnown(index string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.known[index]
	return ok
}

func (o *OpenSearch) remember(index string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.known) >= maxKnown {
		clear(o.known)
	}
	o.known[index] = struct{}{}
}

func (o *OpenSearch) forget(index string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.known, index)
}
