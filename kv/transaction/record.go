package transaction

import (
	"encoding/binary"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A Record says what became of a transaction at a key. It is stored in the write family,
// at its commit timestamp.
type Record struct {
	StartTS uint64
	// Kind is what the transaction has done: Put, Del or Lock if it has committed, or
	// Rollback if it has been rolled back and can never commit.
	Kind kvrpcpb.Op
	// CommitTS is the key of the record, and not part of what Encode returns. A
	// Rollback has its start timestamp in its place.
	CommitTS uint64
}

const recordSize = 1 + 8

// Encode returns the record as it is stored.
func (r *Record) Encode() []byte {
	return binary.BigEndian.AppendUint64([]byte{byte(r.Kind)}, r.StartTS)
}

// DecodeRecord is the inverse of Encode, for a record that is stored at a commit
// timestamp.
func DecodeRecord(b []byte, commitTS uint64) (*Record, error) {
	if len(b) != recordSize {
		return nil, errors.Errorf("a record of a write is corrupt: %d bytes, want %d", len(b), recordSize)
	}
	return &Record{Kind: kvrpcpb.Op(b[0]), StartTS: binary.BigEndian.Uint64(b[1:]), CommitTS: commitTS}, nil
}
