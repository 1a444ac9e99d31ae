package raftstore

import "io"

// Files keeps the snapshot files of a store, under names without a path. Its
// methods may be called from several goroutines at once.
type Files interface {
	// Create returns an empty file to be written, replacing one of that
	// name.
	Create(name string) (File, error)
	// Open returns a file to be read from its beginning.
	Open(name string) (io.ReadCloser, error)
	// Remove removes a file. It is not an error if there is none.
	Remove(name string) error
	// List returns the names of all files, in ascending order.
	List() ([]string, error)
}

// A File is a snapshot file that is being written.
type File interface {
	io.Writer
	// Sync makes the file durable, its name included.
	Sync() error
	io.Closer
}
