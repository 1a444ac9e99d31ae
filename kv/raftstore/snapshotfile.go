package raftstore

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A snapshot file holds one record per key, in the order of families and keys:
// the index of the family in engine.Families (one byte), the lengths of key and
// value (varints), key and value. Its size and checksum (CRC-32C) are in the
// header, which is the data of the Raft snapshot that the file belongs to.

// SnapshotName returns the name of the file of a region's snapshot.
func SnapshotName(regionID uint64, meta *eraftpb.SnapshotMetadata) string {
	return fmt.Sprintf("%d-%d-%d.snap", regionID, meta.Term, meta.Index)
}

// ReadSnapshotHeader returns the header that a Raft snapshot carries.
func ReadSnapshotHeader(s *eraftpb.Snapshot) (*raftserverpb.SnapshotHeader, error) {
	header := &raftserverpb.SnapshotHeader{}
	if err := proto.Unmarshal(s.GetData(), header); err != nil {
		return nil, errors.Annotate(err, "the snapshot's header is corrupt")
	}
	if header.Region == nil {
		return nil, errors.New("the snapshot's header names no region")
	}
	return header, nil
}

// A SnapshotSum computes the size and the checksum of the content that is
// written to it, piece by piece, and compares them with a header. The zero
// SnapshotSum has seen no content.
type SnapshotSum struct {
	size uint64
	crc  uint32
}

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Write implements io.Writer. It never fails.
func (s *SnapshotSum) Write(b []byte) (int, error) {
	s.size += uint64(len(b))
	s.crc = crc32.Update(s.crc, castagnoli, b)
	return len(b), nil
}

// Size returns the number of bytes that were written.
func (s *SnapshotSum) Size() uint64 { return s.size }

// Check returns an error that says how the content differs from the header, or
// nil.
func (s *SnapshotSum) Check(header *raftserverpb.SnapshotHeader) error {
	switch {
	case s.size != header.Size:
		return errors.Errorf("it has %d bytes, and should have %d", s.size, header.Size)
	case s.crc != header.Checksum:
		return errors.New("its checksum is wrong")
	}
	return nil
}

// A CorruptSnapshotError reports that a snapshot file differs from its header.
type CorruptSnapshotError struct {
	Name, Reason string
}

func (e *CorruptSnapshotError) Error() string {
	return "snapshot file " + e.Name + " is corrupt: " + e.Reason
}

// verifySnapshotFile returns an error unless the file is there as the header
// describes it. A store deletes its own data only for a file that is verified.
func verifySnapshotFile(files Files, name string, header *raftserverpb.SnapshotHeader) error {
	f, err := files.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := &SnapshotSum{}
	if _, err := io.Copy(sum, f); err != nil {
		return errors.Annotatef(err, "cannot read snapshot file %s", name)
	}
	if err := sum.Check(header); err != nil {
		return &CorruptSnapshotError{name, err.Error()}
	}
	return nil
}

// readSnapshotFile writes the records of a verified file to kv.
func readSnapshotFile(files Files, name string, kv engine.Engine) error {
	const batchBytes = 1 << 20
	f, err := files.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	var b engine.Batch
	for {
		cf, key, value, err := readRecord(r)
		if err == io.EOF {
			break
		}
		if err != nil {
			return &CorruptSnapshotError{name, err.Error()}
		}
		if b.Put(cf, key, value); b.Size() >= batchBytes {
			if err := kv.Write(&b, false); err != nil {
				return err
			}
			b.Reset()
		}
	}
	return kv.Write(&b, false)
}

// readRecord returns the next record, or io.EOF after the last.
func readRecord(r *bufio.Reader) (cf engine.CF, key, value []byte, err error) {
	family, err := r.ReadByte()
	if err != nil {
		return "", nil, nil, err
	}
	if int(family) >= len(engine.Families) {
		return "", nil, nil, errors.Errorf("there is no family %d", family)
	}
	keyLen, err := binary.ReadUvarint(r)
	if err != nil {
		return "", nil, nil, noEOF(err)
	}
	valueLen, err := binary.ReadUvarint(r)
	if err != nil {
		return "", nil, nil, noEOF(err)
	}
	if keyLen > engine.MaxKeySize || valueLen > engine.MaxValueSize {
		return "", nil, nil, errors.Errorf("a record claims %d and %d bytes", keyLen, valueLen)
	}
	both := make([]byte, keyLen+valueLen)
	if _, err := io.ReadFull(r, both); err != nil {
		return "", nil, nil, noEOF(err)
	}
	return engine.Families[family], both[:keyLen:keyLen], both[keyLen:], nil
}

// noEOF makes the end of the file inside a record an error.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeSnapshotFile writes the data of a region, as view shows them, to the
// file name, synced, and returns its header. If that fails, no file is left: it
// would take up room that the next attempt needs.
func writeSnapshotFile(files Files, name string, view engine.Reader, of *metapb.Region) (header *raftserverpb.SnapshotHeader, err error) {
	f, err := files.Create(name)
	if err != nil {
		return nil, errors.Annotate(err, "cannot create a snapshot file")
	}
	defer func() {
		_ = f.Close()
		if err != nil {
			_ = files.Remove(name)
		}
	}()
	sum := &SnapshotSum{}
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 64<<10)
	r := region.Range(of)
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
	return &raftserverpb.SnapshotHeader{Region: of, Size: sum.size, Checksum: sum.crc}, nil
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
