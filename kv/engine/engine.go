// Package engine defines the ordered key-value engine under every store: column
// families, atomic batches, consistent snapshots and bounded iterators.
//
// Two implementations exist. Package badger keeps data on disk. Package memory
// keeps it in memory and models the disk of a machine that can crash: what was
// not synced may be lost, a suffix at a time. Package enginetest holds the one
// suite that both pass, so a caller may depend on what this comment says and on
// nothing else.
//
// # What always holds
//
//   - Keys of one column family are ordered bytewise; families never mix.
//   - A key is a non-empty byte string; a value may be empty, and an empty
//     value is not an absent one.
//   - Write applies a Batch as a whole or not at all, also across a crash.
//   - Batches become durable in the order in which they were written: if a
//     batch survived a crash, so did every batch before it. A batch written
//     with Sync, and everything before it, survives from the moment Write
//     returns.
//   - What an engine holds when it is opened is durable.
//   - A write that failed left no trace, with one exception: after a failed
//     sync the content of the disk is unknown. See SyncError.
//   - A Snapshot never changes, whatever is written after it was taken.
//   - Every method may be called from several goroutines at once; an Iterator
//     belongs to one goroutine.
package engine

import (
	"io"
)

// A Reader reads keys and values, one column family at a time.
type Reader interface {
	// Get returns the value of key. An absent key is not an error: found is
	// false. The caller owns value.
	Get(cf CF, key []byte) (value []byte, found bool, err error)

	// Iterate returns an iterator over the keys of cf within r, not yet
	// positioned. It shows the state of the moment at which it was made,
	// whatever is written later. The caller must Close it before it closes
	// the reader.
	Iterate(cf CF, r Range) (Iterator, error)
}

// An Iterator walks keys in ascending order and never leaves its Range.
//
//	for it.Seek(start); it.Valid(); it.Next() {
//		use(it.Key(), it.Value())
//	}
//	return it.Close()
type Iterator interface {
	// Seek moves to the first key at or after key; an empty key means the
	// start of the range.
	Seek(key []byte)
	// Valid reports whether the iterator is at a key. It is false past the
	// last key, before the first Seek, and after an error.
	Valid() bool
	// Next moves to the following key. It does nothing on an iterator that
	// is not Valid.
	Next()
	// Key returns the current key, or nil if the iterator is not Valid. The
	// slice belongs to the iterator and changes when it moves: copy it to
	// keep it.
	Key() []byte
	// Value returns the current value, under the same terms as Key.
	Value() []byte
	// Close releases the iterator and returns the first error that it met.
	// A second call does nothing and returns the same error.
	io.Closer
}

// A Snapshot is a Reader whose content never changes. The caller must Close it.
type Snapshot interface {
	Reader
	// Close releases the snapshot. A second call does nothing.
	io.Closer
}

// An Engine is an ordered, durable key-value store with column families.
type Engine interface {
	// Reader reads the newest state: each Get and each Iterate on its own.
	Reader

	// Snapshot returns a reader of the present state.
	Snapshot() (Snapshot, error)

	// Write applies b atomically. If sync is true, b and everything written
	// before it is durable when Write returns; otherwise a crash may lose
	// it. On error nothing of b was applied, unless the error is a
	// *SyncError. An empty b with sync is a Sync. Write does not keep b:
	// the caller may Reset and fill it again.
	Write(b *Batch, sync bool) error

	// Sync makes everything that was written durable. If it fails, the
	// error is a *SyncError.
	Sync() error

	// DeleteRange removes the keys of cf within r, without a sync. It is
	// not atomic: it writes several batches, so a crash or an error may
	// leave some of the keys, and the caller must be able to repeat it.
	DeleteRange(cf CF, r Range) error

	// ApproximateSize estimates the bytes of keys and values of cf within
	// r. The estimate may miss recent writes and one block at either end,
	// but it grows with the data.
	ApproximateSize(cf CF, r Range) (uint64, error)

	// Close syncs and releases the engine. Snapshots and iterators that are
	// still open return ErrClosed from then on. A second call does nothing.
	io.Closer
}
