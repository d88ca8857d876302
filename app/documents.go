package app

import (
	"context"
	"errors"

	"pulltrail/indexer"
	"pulltrail/internal/document"
	"pulltrail/mqttio"
)

// documentStore is the journal for messages that become a document by the routes of today. It
// rejects the others on receipt: at delivery each would be a dead letter of a sink, which
// is never dropped, and enough of them would stop valid documents.
type documentStore struct {
	router  *indexer.Router
	journal mqttio.Store
}

// Append implements mqttio.Store.
func (d documentStore) Append(ctx context.Context, batch []document.Message) ([]document.Outcome, error) {
	outcomes := make([]document.Outcome, len(batch))
	valid := make([]document.Message, 0, len(batch))
	var places []int // of valid in batch
	for i, m := range batch {
		_, err := d.router.Resolve(document.Entry{Message: m}, "")
		if err != nil && !errors.Is(err, indexer.ErrSkip) {
			outcomes[i].Err = err
			continue
		}
		valid, places = append(valid, m), append(places, i)
	}
	if len(valid) == 0 {
		return outcomes, nil
	}
	stored, err := d.journal.Append(ctx, valid)
	if err != nil {
		return nil, err
	}
	for i, o := range stored {
		outcomes[places[i]] = o
	}
	return outcomes, nil
}
