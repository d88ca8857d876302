package control

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// forgetful is a fake's.
type forgetful struct{ forgot *[]string }

func (f forgetful) ForgetIndices(_ context.Context, sink string, indices []string) error {
	if sink == "" {
		return errors.New("no sink")
	}
	*f.forgot = append(append(*f.forgot, sink), indices...)
	return nil
}

func TestTheDaemonHearsOfDeletedIndices(t *testing.T) {
	var forgot []string
	c := NewClient(serve(t, fake{Indices: forgetful{&forgot}}))
	if err := c.ForgetIndices(t.Context(), "opensearch", []string{"a", "b"}); err != nil || !slices.Equal(forgot, []string{"opensearch", "a", "b"}) {
		t.Errorf("%v, %v", forgot, err)
	}
	if err := c.ForgetIndices(t.Context(), "", nil); err == nil || !strings.Contains(err.Error(), "no sink") {
		t.Errorf("error %v", err)
	}
	if err := NewClient(t.TempDir()+"/none").ForgetIndices(t.Context(), "a", nil); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("without a daemon: %v", err)
	}
}
