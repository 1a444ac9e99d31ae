package transaction

import (
	"bytes"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A Scanner walks the keys of a view that a reader at a timestamp sees, in ascending
// order. Keys whose lock is in the way are among them, also those that have no version
// yet. Keys that are deleted at the timestamp, or have only records of kind Rollback and
// Lock, are not. It costs a few reads of the view for each key, however many versions that
// has, and reads no further than the caller has asked for.
//
// It reads a few records for each key that it passes, however many versions the key has:
// versions that are newer than the timestamp, or older than the one that is seen, are
// skipped with a Seek. Only Rollback and Lock records above that one are read, too, however
// many there are.
//
//	for s.Next() {
//		use(s.Key(), s.Value(), s.Lock())
//	}
//	return s.Close()
type Scanner struct {
	ts uint64

	key, value []byte
	lock       *Lock

	reader *Reader         //lab:private
	locks  engine.Iterator //lab:private
	writes engine.Iterator //lab:private
	err    error           //lab:private
}

// NewScanner returns a scanner of the keys from start on; an empty start means the first
// key of the view. ts is the timestamp of the reader. The caller must Close the scanner.
//
//lab:implement 4A
func NewScanner(r *Reader, start []byte, ts uint64) (*Scanner, error) {
	var within engine.Range
	if len(start) > 0 {
		within.Start = EncodeKey(start)
	}
	locks, err := r.view.Iterate(engine.CFLock, within)
	if err != nil {
		return nil, err
	}
	writes, err := r.view.Iterate(engine.CFWrite, within)
	if err != nil {
		locks.Close()
		return nil, err
	}
	locks.Seek(nil)
	writes.Seek(nil)
	return &Scanner{ts: ts, reader: r, locks: locks, writes: writes}, nil
}

// Next moves to the next key that the reader sees, or cannot see for a lock, and reports
// whether there is one.
//
//lab:implement 4A
func (s *Scanner) Next() bool {
	for s.err == nil {
		key, found := s.first()
		if !found || s.err != nil {
			break
		}
		visible, err := s.look(key)
		if err != nil {
			s.err = err
			break
		}
		if visible {
			return true
		}
	}
	s.key, s.value, s.lock = nil, nil, nil
	return false
}

// Key returns the key that the scanner is at. The caller may keep it.
func (s *Scanner) Key() []byte { return s.key }

// Value returns the value of the key, or nil if the key is locked. The caller may keep it.
func (s *Scanner) Value() []byte { return s.value }

// Lock returns the lock that keeps the reader from seeing the key, or nil. A lock is in
// the way if Lock.Blocks says so. The caller may keep it.
func (s *Scanner) Lock() *Lock { return s.lock }

// Close releases the scanner, wherever it is, and returns the first error that it met: a
// scanner that has met one may have shown fewer keys than there are. A second call returns
// the same.
//
//lab:implement 4A
func (s *Scanner) Close() error {
	for _, it := range []engine.Iterator{s.locks, s.writes} {
		if err := it.Close(); s.err == nil {
			s.err = err
		}
	}
	return s.err
}

// first returns the first key of which the scanner has not seen all.
//
//lab:private
func (s *Scanner) first() (key []byte, found bool) {
	locked, isLocked := s.at(s.locks, 0)
	written, isWritten := s.at(s.writes, tsSize)
	switch {
	case isLocked && (!isWritten || bytes.Compare(locked, written) < 0):
		return locked, true
	default:
		return written, isWritten
	}
}

// at returns the user key that an iterator is at, of which suffix bytes follow.
//
//lab:private
func (s *Scanner) at(it engine.Iterator, suffix int) (key []byte, found bool) {
	if !it.Valid() {
		return nil, false
	}
	key, rest, err := DecodeKey(it.Key())
	if err == nil && len(rest) != suffix {
		err = errors.Errorf("%q is not the key of a transaction", it.Key())
	}
	if err != nil {
		s.err = err
		return nil, false
	}
	return key, true
}

// look moves both iterators past key, and reports whether a reader sees it.
//
//lab:private
func (s *Scanner) look(key []byte) (visible bool, err error) {
	s.key, s.value, s.lock = key, nil, nil
	if locked, ok := s.at(s.locks, 0); ok && bytes.Equal(locked, key) {
		lock, err := DecodeLock(s.locks.Value())
		if err != nil {
			return false, err
		}
		s.locks.Next()
		if lock.Blocks(s.ts) {
			s.lock = lock
		}
	}
	record, err := s.record(key)
	switch {
	case err != nil:
		return false, err
	case s.lock != nil:
		return true, nil
	case record == nil || record.Kind == kvrpcpb.Op_Del:
		return false, nil
	}
	s.value, err = s.reader.valueOf(key, record)
	return true, err
}

// record returns what Visible returns, and moves past all versions of key.
//
//lab:private
func (s *Scanner) record(key []byte) (visible *Record, err error) {
	end := afterVersions(key)
	if s.lock == nil {
		s.writes.Seek(VersionKey(key, s.ts))
		for ; visible == nil && s.writes.Valid() && bytes.Compare(s.writes.Key(), end) < 0; s.writes.Next() {
			_, ts, err := DecodeVersion(s.writes.Key())
			if err != nil {
				return nil, err
			}
			record, err := DecodeRecord(s.writes.Value(), ts)
			if err != nil {
				return nil, err
			}
			if record.Kind == kvrpcpb.Op_Put || record.Kind == kvrpcpb.Op_Del {
				visible = record
			}
		}
	}
	if s.writes.Valid() && bytes.Compare(s.writes.Key(), end) < 0 {
		s.writes.Seek(end)
	}
	return visible, nil
}
