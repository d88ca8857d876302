package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// DefaultFile is read where it exists.
const DefaultFile = "config.yaml"

// content gives what was read to koanf.
type content []byte

func (c content) ReadBytes() ([]byte, error) { return c, nil }

func (content) Read() (map[string]any, error) {
	return nil, errors.New("a file has to be parsed")
}

// readFile reads at most maxFile bytes of the file, which may be a pipe.
func readFile(name string) (data []byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	data, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("has more than %d bytes", maxFile)
	}
	return data, nil
}

// cause is err without the name of the file, which stands before it already.
func cause(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// file loads the file as a layer.
func (l *loader) file(name string, explicit bool) error {
	if name == "" && !explicit {
		name = DefaultFile
	}
	data, err := readFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !explicit:
		return nil
	case err != nil:
		l.mistakes.add(origin{source: fromFile, name: name}, "", nil,
			"%v: name a configuration file that can be read", cause(err))
		return nil
	}
	p := &fileParser{name: name, root: l.root, renames: l.renames, mistakes: l.mistakes}
	if err := l.k.Load(content(data), p); err != nil {
		return err
	}
	return l.oldNames(p.old)
}
