package raftstore_test

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
)

// A fileSystem holds the snapshot files of a store. A sync of one file makes
// all files durable, as they are then.
type fileSystem struct {
	now, durable map[string][]byte
	// full is the number of further attempts to write that find no room.
	full int
	// unreadable is the number of further attempts to open a file that fail.
	unreadable int
	// used counts how often a file was created, opened, written or synced.
	used int
}

func newFileSystem() *fileSystem {
	return &fileSystem{now: map[string][]byte{}, durable: map[string][]byte{}}
}

// crash cuts the power. If keep is true, all that was not synced survives, else
// nothing of it.
func (s *fileSystem) crash(keep bool) {
	if keep {
		s.durable = maps.Clone(s.now)
	}
	s.now = maps.Clone(s.durable)
}

// receive adds a durable file, as the transport does.
func (s *fileSystem) receive(name string, content []byte) {
	s.now[name], s.durable[name] = content, content
}

// Create implements raftstore.Files.
func (l *life) Create(name string) (raftstore.File, error) {
	l.of.files.used++
	err := l.writesFile(func() error {
		l.of.files.now[name] = nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &openFile{life: l, name: name, closing: l.opened()}, nil
}

// opened notes that a file is open, and returns what closes it.
func (l *life) opened() (close func()) {
	l.files++
	return sync.OnceFunc(func() { l.files-- })
}

// Open implements raftstore.Files.
func (l *life) Open(name string) (io.ReadCloser, error) {
	files := l.of.files
	content, found := files.now[name]
	files.used++
	switch {
	case l.over:
		return nil, engine.ErrClosed
	case files.unreadable > 0:
		files.unreadable--
		return nil, &fs.PathError{Op: "open", Path: name, Err: memory.ErrIO}
	case !found:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &reader{bytes.NewReader(content), l.opened()}, nil
}

// A reader is a file that is being read.
type reader struct {
	io.Reader
	closing func()
}

func (r *reader) Close() error {
	r.closing()
	return nil
}

// Remove implements raftstore.Files.
func (l *life) Remove(name string) error {
	return l.writesFile(func() error {
		delete(l.of.files.now, name)
		return nil
	})
}

// List implements raftstore.Files.
func (l *life) List() ([]string, error) {
	if l.over {
		return nil, engine.ErrClosed
	}
	return slices.Sorted(maps.Keys(l.of.files.now)), nil
}

// An openFile is a file that is being written.
type openFile struct {
	*life
	name    string
	closing func()
}

func (s *openFile) Write(data []byte) (n int, err error) {
	files := s.of.files
	files.used++
	err = s.writesFile(func() error {
		if files.full > 0 {
			files.full--
			return engine.ErrDiskFull
		}
		files.now[s.name] = append(slices.Clone(files.now[s.name]), data...)
		n = len(data)
		return nil
	})
	return n, err
}

func (s *openFile) Sync() error {
	files := s.of.files
	files.used++
	return s.writesFile(func() error {
		files.durable = maps.Clone(files.now)
		return nil
	})
}

func (s *openFile) Close() error {
	s.closing()
	return nil
}
