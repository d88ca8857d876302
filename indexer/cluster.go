package indexer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"pulltrail/internal/document"
	"pulltrail/internal/search"
)

// maxKnown bounds the names of indices that are remembered; beyond it they are
// forgotten, which costs one request each.
const maxKnown = 10_000

// ClusterOptions are what the configuration does not say.
type ClusterOptions struct {
	Log *slog.Logger
}

// Cluster is the Sink for a cluster of OpenSearch or Elasticsearch. Documents are stored
// with the operation create, so that the first writer of an id wins. An index is created
// with its body before the first write to it, and never looked at, so that the
// permissions create_index and write are enough; where even creating is not permitted,
// the write is tried all the same.
type Cluster struct {
	name   string
	client *search.Client
	log    *slog.Logger

	mu         sync.Mutex
	known      map[string]struct{} // indices that need no creating
	identified bool                // the cluster is of the expected product
	warned     string              // the last warning that was logged
}

// NewOpenSearch makes the sink "opensearch"; it does not connect. Close it.
func NewOpenSearch(cfg ClusterConfig, opts ClusterOptions) (*Cluster, error) {
	return newSink(openSearchName, search.NewOpenSearch, cfg.Options, opts)
}

// NewElasticsearch makes the sink "elasticsearch"; it does not connect. Close it.
func NewElasticsearch(cfg ElasticsearchConfig, opts ClusterOptions) (*Cluster, error) {
	return newSink(elasticsearchName, search.NewElasticsearch, cfg.Options, opts)
}

func newSink(name string, connect func(search.Options) (*search.Client, error), options func() (search.Options, error), opts ClusterOptions) (*Cluster, error) {
	reach, err := options()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	client, err := connect(reach)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if warning := reach.TLS.Warning(name); warning != "" {
		opts.Log.Warn(warning)
	}
	return &Cluster{name: name, client: client, log: opts.Log, known: make(map[string]struct{})}, nil
}

// String is "opensearch" or "elasticsearch".
func (c *Cluster) String() string { return c.name }

// Close ends the connections.
func (c *Cluster) Close() error { return c.client.Close() }

// Ping says why the cluster cannot be used. A user who is known, but may not see
// the front page, is no reason. An unsupported version is logged once.
func (c *Cluster) Ping(ctx context.Context) error {
	if err := c.client.Ping(ctx); err != nil {
		return err
	}
	warning := c.client.Warning()
	c.mu.Lock()
	isNew := warning != "" && warning != c.warned
	c.identified, c.warned = true, warning
	c.mu.Unlock()
	if isNew {
		c.log.Warn("the version of the cluster is not supported", "sink", c.name, "err", warning)
	}
	return nil
}

// identify makes sure, before the first write, that the cluster is of the expected product.
// A front page that is not shown, say by a proxy, is no reason against writing.
func (c *Cluster) identify(ctx context.Context) error {
	c.mu.Lock()
	identified := c.identified
	c.mu.Unlock()
	if identified {
		return nil
	}
	var refused *search.Error
	switch err := c.Ping(ctx); {
	case err == nil:
		return nil
	case !errors.As(err, &refused), refused.Status == 0: // no answer, or another product's
		return err
	case refused.Class != search.Unavailable && refused.Class != search.Overloaded: // it will not answer next time either
		c.mu.Lock()
		c.identified = true
		c.mu.Unlock()
	}
	return nil
}

// Write stores documents; see Sink.
func (c *Cluster) Write(ctx context.Context, docs []document.Document) ([]error, error) {
	if len(docs) == 0 {
		return nil, nil
	}
	if err := c.identify(ctx); err != nil {
		return nil, err
	}
	unmade, err := c.createIndices(ctx, docs)
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
	answers, err := c.client.Create(ctx, sent)
	if err != nil {
		return nil, c.withRemedy(withPermission(err))
	}
	for i, answer := range answers {
		where := i
		if at != nil {
			where = at[i]
		}
		results[where] = c.meaning(docs[where].Index, answer)
	}
	return results, nil
}

// createIndices sees to the indices of some documents. Those that cannot be had come
// back with what becomes of their documents; the error is for all of them.
func (c *Cluster) createIndices(ctx context.Context, docs []document.Document) (unmade map[string]error, err error) {
	for _, doc := range docs {
		if doc.IndexBody == nil || c.isKnown(doc.Index) || unmade[doc.Index] != nil {
			continue
		}
		_, err := c.client.CreateIndex(ctx, doc.Index, doc.IndexBody)
		var refused *search.Error
		switch {
		case err == nil:
			c.remember(doc.Index)
			continue
		case !errors.As(err, &refused):
			return nil, err
		}
		switch refused.Class {
		case search.Forbidden:
			c.remember(doc.Index) // it may be there, or be made by the write
		case search.Refused:
			// A wrong body must not become an index with a guessed mapping; mending it
			// mends the documents, so they are kept as forbidden ones are.
			unmade = add(unmade, doc.Index, fmt.Errorf("%w: index %s cannot be created: %w", ErrForbidden, doc.Index, refused))
		case search.Blocked:
			unmade = add(unmade, doc.Index, fmt.Errorf("%w: index %s cannot be created for now: %w", ErrUnavailable, doc.Index, refused))
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
func (c *Cluster) meaning(index string, answer error) error {
	var refused *search.Error
	if !errors.As(answer, &refused) {
		return answer
	}
	switch refused.Class {
	case search.Unavailable, search.Blocked:
		return fmt.Errorf("%w: index %s: %w", ErrUnavailable, index, refused)
	case search.Refused, search.TooLarge:
		return document.Permanent(fmt.Errorf("index %s refuses the document: %w", index, refused))
	case search.Forbidden:
		c.forget(index) // once the permission is there, it is to be made with its body
		return fmt.Errorf("%w: %s index %s: %w%s", ErrForbidden, needed(refused), index, refused, c.remedy())
	case search.Missing:
		c.forget(index) // made again with its body at the next write
		return fmt.Errorf("%w: index %s does not exist and may not be created: %w", ErrForbidden, index, refused)
	}
	return fmt.Errorf("index %s: %w", index, refused)
}

// needed begins the reason of a forbidden document: "write on", for example.
func needed(refused *search.Error) string {
	if permission := refused.Permission(); permission != "" {
		return permission + " on"
	}
	return "writing to"
}

// remedy says, in brackets, how the user gets what the routes need. There is no such
// command for an Elasticsearch.
func (c *Cluster) remedy() string {
	if c.name != openSearchName {
		return ""
	}
	return " (pulltrail setup opensearch grants what the routes need)"
}

// withRemedy gives a refusal for want of a permission its remedy.
func (c *Cluster) withRemedy(err error) error {
	var refused *search.Error
	if errors.As(err, &refused) && refused.Class == search.Forbidden {
		return fmt.Errorf("%w%s", err, c.remedy())
	}
	return err
}

// withPermission names what a whole request was refused for.
func withPermission(err error) error {
	var refused *search.Error
	if errors.As(err, &refused) && refused.Permission() != "" {
		return fmt.Errorf("the permission %s is missing: %w", refused.Permission(), err)
	}
	return err
}

func (c *Cluster) isKnown(index string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.known[index]
	return ok
}

func (c *Cluster) remember(index string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxKnown {
		clear(c.known)
	}
	c.known[index] = struct{}{}
}

// Forget lets an index be made with its body before the next write to it, because it
// was deleted.
func (c *Cluster) Forget(index string) { c.forget(index) }

func (c *Cluster) forget(index string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, index)
}
