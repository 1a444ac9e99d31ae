// Package snapdir keeps the snapshot files of a store in a directory.
package snapdir

import (
	"io"
	"os"
	"slices"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/raftstore"
)

// A Dir is a directory of snapshot files. It implements raftstore.Files, and
// adds Rename. Its methods may be called from several goroutines at once.
//
// Names come from other stores, too. So Dir accepts only plain file names, and
// never touches a file outside its directory.
type Dir struct {
	path string
	root *os.Root
}

var _ raftstore.Files = (*Dir)(nil)

// Open opens the directory path, and creates it, with its parents, if it is not
// there.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, errors.Annotate(err, "cannot create the directory for snapshots")
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, errors.Annotate(err, "cannot open the directory for snapshots")
	}
	return &Dir{path: path, root: root}, nil
}

// Close closes the directory. Files that are open stay open.
func (d *Dir) Close() error { return errors.Trace(d.root.Close()) }

// Create implements raftstore.Files.
func (d *Dir) Create(name string) (raftstore.File, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, errors.Trace(err)
	}
	return &file{File: f, dir: d.path}, nil
}

// Open implements raftstore.Files.
func (d *Dir) Open(name string) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, errors.Trace(err)
	}
	return f, nil
}

// Remove implements raftstore.Files. The removal is not synced: a file that
// comes back after a crash is removed when the store opens.
func (d *Dir) Remove(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := d.root.Remove(name); err != nil && !os.IsNotExist(err) {
		return errors.Trace(err)
	}
	return nil
}

// Rename gives a file another name, replacing a file of that name. The new name
// is durable when Rename returns.
func (d *Dir) Rename(from, to string) error {
	if err := checkName(from); err != nil {
		return err
	}
	if err := checkName(to); err != nil {
		return err
	}
	if err := d.root.Rename(from, to); err != nil {
		return errors.Trace(err)
	}
	return errors.Annotate(syncDir(d.path), "cannot sync the directory for snapshots")
}

// List implements raftstore.Files. It leaves out everything that is not a plain
// file with a name that Create accepts: the store did not create it.
func (d *Dir) List() ([]string, error) {
	dir, err := d.root.Open(".")
	if err != nil {
		return nil, errors.Trace(err)
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, errors.Trace(err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && checkName(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// checkName returns an error unless name consists of 1 to 128 of the characters
// a-z, 0-9, '-' and '.', and begins with a letter or a digit.
func checkName(name string) error {
	plain := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' }
	if name == "" || len(name) > 128 || name[0] == '.' || name[0] == '-' ||
		strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) {
		return errors.Errorf("%q is not the name of a snapshot file", name)
	}
	return nil
}

// A file is a snapshot file that is being written.
type file struct {
	*os.File
	dir string
}

// Sync implements raftstore.File. The sync of the directory makes the name
// durable.
func (f *file) Sync() error {
	if err := f.File.Sync(); err != nil {
		return errors.Trace(err)
	}
	return errors.Trace(syncDir(f.dir))
}
