package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// identity is the name of the file with the log's UUID.
const identity = "id"

// readIdentity returns "" where there is none yet.
func readIdentity(dir string) (string, error) {
	path := filepath.Join(dir, identity)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	id, err := uuid.Parse(strings.TrimSpace(string(b)))
	if err != nil {
		return "", fmt.Errorf("%s: %.60q is not a UUID; restore the file, or delete it to be given a new one", path, b)
	}
	return id.String(), nil
}

func writeIdentity(dir string) (string, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, identity)
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(id.String() + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return "", err
	}
	return id.String(), syncDir(dir)
}
