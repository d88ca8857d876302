package transfer

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"pulltrail/internal/hub"
)

// row is what a row says; empty where it says nothing.
type row [columns]string

// FileOptions are what a file does not say by itself.
type FileOptions struct {
	// Repository is that of rows which name none.
	Repository *hub.Repository
	// Private makes the repositories private where the file does not say.
	Private bool
	// Now is the time of the import; see hub.Snapshot.CheckDate.
	Now time.Time
}

// errNoRepository says what is missing.
var errNoRepository = errors.New("it names no repository: say which with --repository namespace/name")

// snapshot makes of a row what Docker Hub would have answered then. All that is wrong is
// named in one go.
func (o FileOptions) snapshot(cells row) (hub.Snapshot, error) {
	var errs []error
	fail := func(c column, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %w", columnNames[c][0], err))
		}
	}
	r, err := o.repository(cells)
	if err != nil {
		errs = append(errs, err)
	}
	at, err := ParseTime(cells[colTime])
	fail(colTime, err)
	slot := at
	if cells[colSlot] != "" {
		slot, err = ParseTime(cells[colSlot])
		fail(colSlot, err)
	}
	pulls, err := parseCount(cells[colCount])
	fail(colCount, err)
	fields := []hub.Field{
		{Key: "user", Value: []byte(strconv.Quote(r.Namespace))},
		{Key: "name", Value: []byte(strconv.Quote(r.Name))},
		{Key: "namespace", Value: []byte(strconv.Quote(r.Namespace))},
		{Key: "pull_count", Value: strconv.AppendInt(nil, pulls, 10)},
	}
	for _, c := range []column{colStars, colSize} {
		if cells[c] != "" {
			n, err := parseCount(cells[c])
			fail(c, err)
			fields = append(fields, hub.Field{Key: columnNames[c][0], Value: strconv.AppendInt(nil, n, 10)})
		}
	}
	if cells[colUpdated] != "" {
		updated, err := ParseTime(cells[colUpdated])
		fail(colUpdated, err)
		fields = append(fields, hub.Field{Key: "last_updated", Value: hub.FormatTime(updated)})
	}
	private := o.Private
	if cells[colPrivate] != "" {
		private, err = parseBool(cells[colPrivate])
		fail(colPrivate, err)
	}
	if private || cells[colPrivate] != "" {
		fields = append(fields, hub.Field{Key: "is_private", Value: strconv.AppendBool(nil, private)})
	}
	if len(errs) > 0 {
		return hub.Snapshot{}, errors.Join(errs...)
	}
	return hub.Decode(hub.EncodeObject(fields), at, slot)
}

// repository is the one that a row names, or else the one of the options.
func (o FileOptions) repository(cells row) (hub.Repository, error) {
	var r hub.Repository
	var err error
	switch {
	case cells[colNamespace] != "" || cells[colName] != "":
		r, err = hub.NewRepository(cells[colNamespace], cells[colName])
	case cells[colRepository] != "":
		r, err = hub.ParseRepository(cells[colRepository])
	case o.Repository == nil:
		return hub.Repository{}, errNoRepository
	default:
		return *o.Repository, nil
	}
	if err == nil && o.Repository != nil && r != *o.Repository {
		err = fmt.Errorf("it is of %s, and --repository names %s", r, *o.Repository)
	}
	return r, err
}
