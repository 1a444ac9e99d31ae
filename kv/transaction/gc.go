package transaction

import (
	"bytes"
	"fmt"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A SafePoint says how far the collection of old versions has come. The scheduler keeps it,
// and neither of its timestamps ever goes back.
//
// Old versions go in an order that makes each step safe:
//
//  1. Published is set. A leader that knows of it serves no read below Published, and lets no
//     transaction lock a key that began at or below it (TooOldToRead, TooOldToLock).
//  2. All locks of transactions that began at or below Published are found and resolved, in the
//     whole key space. Their primary keys still have all records that decide about them.
//  3. Clean is set to Published: there is no such lock, and there never will be one. From then
//     on a leader does not say what became of a transaction that began at or below Clean
//     (TooOldToTell): that there is no record of it no longer means anything.
//  4. Collect removes what only such readers and transactions could need.
//
// There are two timestamps because the second step needs what the fourth one removes.
type SafePoint struct {
	Published uint64
	// Clean is at most Published.
	Clean uint64
}

// Join returns the greater timestamps of s and other. Both are of one scheduler.
func (s SafePoint) Join(other SafePoint) SafePoint {
	return SafePoint{max(s.Published, other.Published), max(s.Clean, other.Clean)}
}

// TooOldToRead returns why a snapshot cannot be read, or nil. At Published itself it can: of
// each key the newest version at or below Published stays.
func (s SafePoint) TooOldToRead(version uint64) *kvrpcpb.KeyError {
	if version >= s.Published {
		return nil
	}
	return &kvrpcpb.KeyError{
		Abort:  fmt.Sprintf("the snapshot at %d is older than the safe point %d: begin a new transaction", version, s.Published),
		TooOld: &kvrpcpb.TooOld{Version: version, SafePoint: s.Published},
	}
}

// TooOldToLock returns why a transaction cannot lock keys, or nil. Versions that it would
// conflict with may be gone, and so may the record that it was rolled back.
func (s SafePoint) TooOldToLock(startTS uint64) *kvrpcpb.KeyError {
	if startTS > s.Published || s.Published == 0 {
		return nil
	}
	return &kvrpcpb.KeyError{
		Abort:  fmt.Sprintf("the transaction of %d is older than the safe point %d: begin a new one", startTS, s.Published),
		TooOld: &kvrpcpb.TooOld{Version: startTS, SafePoint: s.Published},
	}
}

// TooOldToTell returns why it cannot be said what became of a transaction, or nil. It is not
// an abort: the transaction may have committed.
func (s SafePoint) TooOldToTell(startTS uint64) *kvrpcpb.KeyError {
	if startTS > s.Clean || s.Clean == 0 {
		return nil
	}
	return &kvrpcpb.KeyError{TooOld: &kvrpcpb.TooOld{Version: startTS, SafePoint: s.Clean}}
}

// OldLocks returns locks of transactions that began at or below a timestamp, in ascending
// order of keys from start on: the first ones, at most limit and no more than fit into a
// response, but at least one if there is one.
func OldLocks(r *Reader, maxVersion uint64, start []byte, limit int) ([]*kvrpcpb.LockInfo, error) {
	var found []*kvrpcpb.LockInfo
	size := 0
	err := r.eachLock(start, nil, func(key []byte, lock *Lock) bool {
		if lock.StartTS > maxVersion {
			return true
		}
		if size += len(key) + len(lock.Primary) + 64; len(found) > 0 && size > MaxScanSize {
			return false
		}
		found = append(found, lock.Info(key))
		return len(found) < limit
	})
	return found, err
}

// eachLock calls visit for the locks of the view in the order of their keys, from start on and
// below end, until it returns false. Empty bounds stand for the bounds of the view.
func (r *Reader) eachLock(start, end []byte, visit func(key []byte, lock *Lock) bool) error {
	var within engine.Range
	if len(start) > 0 {
		within.Start = EncodeKey(start)
	}
	if len(end) > 0 {
		within.End = EncodeKey(end)
	}
	it, err := r.view.Iterate(engine.CFLock, within)
	if err != nil {
		return err
	}
	defer it.Close()
	for it.Seek(nil); it.Valid(); it.Next() {
		lock, err := DecodeLock(it.Value())
		if err != nil {
			return err
		}
		key, _, err := DecodeKey(it.Key())
		if err != nil {
			return err
		}
		if !visit(key, lock) {
			break
		}
	}
	return it.Close()
}

// Bounds of what Collect does at once.
const (
	// collectSize is how much the keys of its operations have at most, in bytes, but for the
	// last few.
	collectSize = 1 << 20
	// collectLook is how many keys of users it looks at for each operation that it may return.
	collectLook = 16
)

// A Collected is what Collect has found.
type Collected struct {
	// Ops remove records and values. They may be carried out together, or in this order.
	Ops []engine.Op
	// Records is how many records they remove.
	Records int
	// Next is the key of a user to go on from, once Ops are carried out: it may be the key
	// that Collect began with, if that has many versions. It is empty at the end of the view.
	Next []byte
}

// Collect returns what removes versions that no reader at or above safePoint sees, and what
// became of transactions that began at or below it. Of each key, from start on,
//
//   - the newest record of kind Put or Del at or below safePoint stays if it is a Put, with its
//     value: it is what a reader at safePoint sees. If it is a Del, it goes when all older
//     records are gone, and not before: it hides them;
//   - all other records at or below safePoint go, whatever their kind, and the values of those
//     of kind Put with them;
//   - records above safePoint stay, also of transactions that began below it.
//
// It looks at a limited number of keys, and returns about limit operations at most; limit is at
// least 1.
//
// Nothing at or below safePoint is written from then on, only removed. So what Collect has decided
// stays right for ever, whatever is written meanwhile, also by others that collect at the same
// or another safe point: the operations may be carried out late, twice, in part, and by a
// leader of a later term. They need neither latches nor the term of the Reader.
//
// A lock of a transaction that began at or below safePoint is an error: its transaction may
// need what Collect would remove.
func Collect(r *Reader, safePoint uint64, start []byte, limit int) (*Collected, error) {
	c := &collection{safePoint: safePoint, limit: limit}
	var within engine.Range
	if len(start) > 0 {
		within.Start = EncodeKey(start)
	}
	it, err := r.view.Iterate(engine.CFWrite, within)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	it.Seek(nil)
	for looked := 0; it.Valid(); looked++ {
		key, _, err := DecodeVersion(it.Key())
		if err != nil {
			return nil, err
		}
		if c.full() || looked == limit*collectLook {
			c.Next = key
			break
		}
		if err := c.key(it, key); err != nil {
			return nil, err
		}
		if c.Next != nil {
			break
		}
	}
	// An iterator that met an error looks like one that came to the end.
	if err := it.Close(); err != nil {
		return nil, err
	}
	var stray error
	err = r.eachLock(start, c.Next, func(key []byte, lock *Lock) bool {
		if lock.StartTS <= safePoint {
			stray = errors.Errorf("key %q is locked by the transaction of %d: it should be above %d, below which there are no locks", key, lock.StartTS, safePoint)
		}
		return stray == nil
	})
	if err == nil {
		err = stray
	}
	if err != nil {
		return nil, err
	}
	return &c.Collected, nil
}

// A collection is the work of one call of Collect.
type collection struct {
	Collected
	safePoint uint64
	limit     int
	size      int // of the keys in Ops
}

// key adds what removes old versions of key, and moves it past all of its versions. If there
// are too many, Next is key then.
func (c *collection) key(it engine.Iterator, key []byte) error {
	var hides *engine.Op // the removal of the Del that hides the older records
	hidden := false
	end := afterVersions(key)
	for it.Seek(VersionKey(key, c.safePoint)); it.Valid() && bytes.Compare(it.Key(), end) < 0; it.Next() {
		if c.full() {
			c.Next = key
			return nil
		}
		_, ts, err := DecodeVersion(it.Key())
		if err != nil {
			return err
		}
		record, err := DecodeRecord(it.Value(), ts)
		if err != nil {
			return err
		}
		removal := engine.Op{CF: engine.CFWrite, Key: bytes.Clone(it.Key()), Delete: true}
		changes := record.Kind == kvrpcpb.Op_Put || record.Kind == kvrpcpb.Op_Del
		switch {
		case changes && !hidden:
			hidden = true
			if record.Kind == kvrpcpb.Op_Del {
				hides = &removal
			}
			continue
		case record.Kind == kvrpcpb.Op_Put:
			c.add(engine.Op{CF: engine.CFDefault, Key: VersionKey(key, record.StartTS), Delete: true})
		}
		c.add(removal)
		c.Records++
	}
	if hides != nil {
		c.add(*hides)
		c.Records++
	}
	return nil
}

func (c *collection) add(op engine.Op) {
	c.Ops = append(c.Ops, op)
	c.size += len(op.Key)
}

func (c *collection) full() bool { return len(c.Ops) >= c.limit || c.size >= collectSize }

// CheckGC returns a *RequestError unless req makes sense.
func CheckGC(req *kvrpcpb.GCRequest) error {
	return checkCollection(req.GetSafePoint(), req.GetStartKey())
}

// CheckScanLock returns a *RequestError unless req makes sense.
func CheckScanLock(req *kvrpcpb.ScanLockRequest) error {
	return checkCollection(req.GetMaxVersion(), req.GetStartKey())
}

func checkCollection(ts uint64, start []byte) error {
	if len(start) > 0 {
		if err := checkKey(start); err != nil {
			return err
		}
	}
	return checkStart(ts)
}
