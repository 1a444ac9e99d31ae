//go:build cgo

package badger

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

const (
	formatFile    = "FORMAT"
	formatName    = "labkv engine badger"
	formatVersion = 1
)

// A format identifies a directory as the data of an engine. It is the content
// of FORMAT, which is written once, before any other file, and never changed.
type format struct {
	Format   string
	Version  int
	Families []engine.CF
}

// prepareDir makes an empty dir the directory of an engine, or requires that it
// is one already. It reports whether it was one, so that badger may have files
// there.
func prepareDir(dir string, families []engine.CF) (used bool, err error) {
	data, err := os.ReadFile(filepath.Join(dir, formatFile))
	switch {
	case err == nil:
		return true, checkFormat(data, families)
	case !os.IsNotExist(err):
		return false, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, entry := range entries {
		if !slices.Contains([]string{lockFile, formatFile + tmpSuffix}, entry.Name()) {
			return false, errors.Errorf("directory is not empty and holds no engine (it has %s but no %s): give an empty or a new one",
				entry.Name(), formatFile)
		}
	}
	data, err = json.Marshal(format{formatName, formatVersion, families})
	if err != nil {
		return false, err
	}
	return false, writeFileDurably(filepath.Join(dir, formatFile), append(data, '\n'))
}

func checkFormat(data []byte, families []engine.CF) error {
	var f format
	switch err := json.Unmarshal(data, &f); {
	case err != nil || f.Format != formatName:
		return &CorruptError{File: formatFile, Problem: "is not the format file of an engine"}
	case f.Version != formatVersion:
		return errors.Errorf("data has format version %d, this program knows version %d: use the program that wrote it", f.Version, formatVersion)
	case !engine.SameFamilies(f.Families, families):
		return &engine.FamiliesError{Have: f.Families, Want: families}
	default:
		return nil
	}
}

const tmpSuffix = ".tmp"

// writeFileDurably writes a file so that after a crash it is there as a whole
// or not at all. When it returns, the file is durable.
func writeFileDurably(path string, data []byte) error {
	tmp, err := os.OpenFile(path+tmpSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
