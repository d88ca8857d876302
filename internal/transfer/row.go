package transfer

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"pulltrail/internal/hub"
)

// row is what a row says; empty where it says nothing.
type row struct {
	cells [columns]string
	// names are what the file calls the columns; empty for those that it does not have.
	names [columns]string
}

// name is what the file calls a column.
func (r row) name(c column) string { return cmp.Or(r.names[c], columnNames[c][0]) }

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
func (o FileOptions) snapshot(values row) (hub.Snapshot, error) {
	cells := values.cells
	var errs []error
	fail := func(c column, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %w", values.name(c), err))
		}
	}
	r, err := o.repository(values)
	if err != nil {
		errs = append(errs, err)
	}
	at, err := ParseTime(cells[colTime])
	if err == nil {
		err = hub.CheckTime(at, o.Now)
	}
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
func (o FileOptions) repository(values row) (hub.Repository, error) {
	cells := values.cells
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
