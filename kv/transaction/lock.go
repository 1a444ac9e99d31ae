package transaction

import (
	"encoding/binary"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A Lock says that a transaction is about to write a key.
type Lock struct {
	// Primary is the key whose lock or record decides what becomes of the transaction.
	Primary []byte
	StartTS uint64
	// TTL is for how many milliseconds after the physical part of StartTS the
	// transaction is taken to be alive.
	TTL uint64
	// Kind is Put, Del or Lock.
	Kind kvrpcpb.Op
}

// lockHeader is the length of an encoded lock without the primary key: the kind, and
// two numbers.
const lockHeader = 1 + 8 + 8

// Encode returns the lock as it is stored.
func (l *Lock) Encode() []byte {
	b := make([]byte, 0, lockHeader+len(l.Primary))
	b = append(b, byte(l.Kind))
	b = binary.BigEndian.AppendUint64(b, l.StartTS)
	b = binary.BigEndian.AppendUint64(b, l.TTL)
	return append(b, l.Primary...)
}

// DecodeLock is the inverse of Encode. It keeps no part of b.
func DecodeLock(b []byte) (*Lock, error) {
	if len(b) < lockHeader {
		return nil, errors.Errorf("a lock is corrupt: %d bytes, want %d and a primary key", len(b), lockHeader)
	}
	return &Lock{
		Kind:    kvrpcpb.Op(b[0]),
		StartTS: binary.BigEndian.Uint64(b[1:]),
		TTL:     binary.BigEndian.Uint64(b[9:]),
		Primary: append([]byte{}, b[lockHeader:]...),
	}, nil
}

// Info describes the lock of key to the client that it is in the way of.
func (l *Lock) Info(key []byte) *kvrpcpb.LockInfo {
	return &kvrpcpb.LockInfo{PrimaryLock: l.Primary, LockVersion: l.StartTS, Key: key, LockTtl: l.TTL}
}

// Blocks reports whether a reader at a timestamp must wait for what becomes of the lock: the
// transaction may commit at or below that timestamp. One that started later cannot. One
// that changes nothing (kind Lock) need not be waited for, and a reader at StartTS itself may
// wait or not: no two transactions have the same timestamp.
//
//lab:implement 4A
func (l *Lock) Blocks(ts uint64) bool { return l.StartTS <= ts && l.Kind != kvrpcpb.Op_Lock }

// Expired reports whether the transaction may be taken for abandoned at a time, which
// is a timestamp: its time to live is over, to the millisecond. Only physical parts
// count. A time before the start counts as the start, so a lock without a time to live
// is always expired.
//
//lab:implement 4C
func (l *Lock) Expired(now uint64) bool {
	age := Physical(now) - Physical(l.StartTS)
	return uint64(max(age, 0)) >= l.TTL
}
