package raftstore

import (
	"bufio"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"io"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// Files keeps the snapshot files of a store, under names without a path.
type Files interface {
	// Create returns an empty file to be written, replacing one of that name.
	Create(name string) (File, error)
	// Open returns a file to be read from its beginning.
	Open(name string) (io.ReadCloser, error)
	// Remove removes a file. It is no error if there is none.
	Remove(name string) error
	// List returns the names of all files, in ascending order.
	List() ([]string, error)
}

// A File is being written.
type File interface {
	io.Writer
	// Sync makes the file durable, its name included.
	Sync() error
	io.Closer
}

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A snapshot file holds one record per key, in the order of families and keys:
// the index of the family in engine.Families (one byte), the lengths of key and
// value (varints), key and value. Its size and checksum travel in the header.

// writeSnapshotFile writes the data of region, as view shows them, to the file
// name, synced, and returns its header.
func writeSnapshotFile(files Files, name string, view engine.Reader, region *metapb.Region) (*raftserverpb.SnapshotHeader, error) {
	f, err := files.Create(name)
	if err != nil {
		return nil, errors.Annotate(err, "cannot create a snapshot file")
	}
	defer f.Close()
	sum := &summer{hash: crc32.New(castagnoli)}
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 64<<10)
	r := engine.Range{Start: region.StartKey, End: region.EndKey}
	for i, cf := range engine.Families {
		if err := writeFamily(w, byte(i), cf, r, view); err != nil {
			return nil, err
		}
	}
	if err := w.Flush(); err != nil {
		return nil, errors.Annotate(err, "cannot write a snapshot file")
	}
	if err := f.Sync(); err != nil {
		return nil, errors.Annotate(err, "cannot sync a snapshot file")
	}
	return &raftserverpb.SnapshotHeader{Region: region, Size: sum.size, Checksum: sum.hash.Sum32()}, nil
}

func writeFamily(w *bufio.Writer, number byte, cf engine.CF, r engine.Range, view engine.Reader) error {
	it, err := view.Iterate(cf, r)
	if err != nil {
		return err
	}
	defer it.Close()
	var head []byte
	for it.Seek(nil); it.Valid(); it.Next() {
		head = append(head[:0], number)
		head = binary.AppendUvarint(head, uint64(len(it.Key())))
		head = binary.AppendUvarint(head, uint64(len(it.Value())))
		for _, part := range [][]byte{head, it.Key(), it.Value()} {
			if _, err := w.Write(part); err != nil {
				return errors.Annotate(err, "cannot write a snapshot file")
			}
		}
	}
	return it.Close()
}

// A summer counts and sums up what is written to it.
type summer struct {
	size uint64
	hash hash.Hash32
}

func (s *summer) Write(b []byte) (int, error) {
	s.size += uint64(len(b))
	return s.hash.Write(b)
}
