package raftstore

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A CorruptSnapshotError says that a snapshot file is not what its header says.
type CorruptSnapshotError struct {
	Name, Reason string
}

func (e *CorruptSnapshotError) Error() string {
	return "snapshot file " + e.Name + " is corrupt: " + e.Reason
}

// restore replaces the data and the log of a region by a snapshot whose file is
// complete, and returns the new applied state, durable. It can be repeated after
// a crash at any point: from the mark on, neither the old data nor the old log
// are of any use.
//
//lab:implement 2C
func (c *Config) restore(old *raftserverpb.RegionState, snapshot *eraftpb.Snapshot) (*raftserverpb.RegionState, error) {
	header := &raftserverpb.SnapshotHeader{}
	if err := proto.Unmarshal(snapshot.Data, header); err != nil {
		return nil, errors.Annotate(err, "the snapshot's header is corrupt")
	}
	name := SnapshotName(header.Region.Id, snapshot.Metadata)
	if err := verifySnapshotFile(c.Files, name, header); err != nil {
		return nil, err
	}

	var b engine.Batch
	mark := proto.CloneOf(old)
	mark.Restoring = snapshot
	put(&b, cfMeta, stateKey(header.Region.Id), mark)
	if err := c.KVEngine.Write(&b, true); err != nil {
		return nil, err
	}
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(header.Region.Id, 0, math.MaxUint64)); err != nil {
		return nil, err
	}
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, engine.Range{Start: old.Region.StartKey, End: old.Region.EndKey}); err != nil {
			return nil, err
		}
	}
	if err := readSnapshotFile(c.Files, name, c.KVEngine); err != nil {
		return nil, err
	}
	state := &raftserverpb.RegionState{
		Region:       header.Region,
		AppliedIndex: snapshot.Metadata.Index,
		AppliedTerm:  snapshot.Metadata.Term,
	}
	b.Reset()
	put(&b, cfMeta, stateKey(header.Region.Id), state)
	if err := c.KVEngine.Write(&b, true); err != nil {
		return nil, err
	}
	return state, nil
}

// verifySnapshotFile returns an error unless the file is there as the header
// describes it. Nothing that is there is given up for a file that is not whole.
func verifySnapshotFile(files Files, name string, header *raftserverpb.SnapshotHeader) error {
	f, err := files.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := &summer{hash: crc32.New(castagnoli)}
	if _, err := io.Copy(sum, f); err != nil {
		return errors.Annotatef(err, "cannot read snapshot file %s", name)
	}
	switch {
	case sum.size != header.Size:
		return &CorruptSnapshotError{name, "its size is wrong"}
	case sum.hash.Sum32() != header.Checksum:
		return &CorruptSnapshotError{name, "its checksum is wrong"}
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

// readRecord returns the next record, or io.EOF behind the last.
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
