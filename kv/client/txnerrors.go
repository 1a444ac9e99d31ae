package client

import (
	"fmt"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

// ErrTxnDone is returned by the methods of a Txn after Commit or Rollback. What to do:
// begin another transaction.
var ErrTxnDone = errors.NewNoStackError("the transaction is over: it was committed or rolled back")

// A ConflictError is returned by Commit if another transaction has changed one of the
// keys since this one began, or will have if it commits. Nothing was written. What to
// do: run the transaction again from its start, as Run does, because what it has read
// may be outdated.
type ConflictError struct {
	Key     []byte
	StartTS uint64 // of this transaction
	// ConflictTS is the commit timestamp of the other transaction, or its start
	// timestamp if it has locked the key and is still at work. It is above StartTS.
	ConflictTS uint64
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("conflict at key %q: written at timestamp %d, after this transaction began at %d", e.Key, e.ConflictTS, e.StartTS)
}

// An AbortedError is returned by Commit if another client has rolled the transaction
// back: it took too long, and its locks were in the way. Nothing was written. What to
// do: run the transaction again from its start, as Run does.
type AbortedError struct {
	StartTS uint64
	Reason  string // for people: what the store says
}

func (e *AbortedError) Error() string {
	return fmt.Sprintf("the transaction that began at %d was aborted: %s", e.StartTS, e.Reason)
}

// A TooOldError is returned by reads and by Commit if a transaction, or a Snapshot, is below
// the safe point: versions that it would have to see may have been removed (Collect). A commit
// has written nothing then. What to do: begin another transaction, with a newer snapshot. Run
// does not do that by itself, as a transaction that lasts longer than old versions are kept
// would fail again.
type TooOldError struct {
	TS        uint64 // of the snapshot
	SafePoint uint64
}

func (e *TooOldError) Error() string {
	return fmt.Sprintf("the snapshot at %d is older than the safe point %d: begin a new transaction", e.TS, e.SafePoint)
}

// tooOld returns the error for e, or nil if e says something else.
func tooOld(e *kvrpcpb.KeyError) error {
	if old := e.GetTooOld(); old != nil {
		return &TooOldError{old.Version, old.SafePoint}
	}
	return nil
}

// A LockedError is returned if a key was locked by another transaction until the
// deadline, or if it cannot be found out what became of that one. Commit has written
// nothing then. What to do: try again later, or with more time. A lock whose client has
// gone is removed once its time to live is over, which is some seconds.
type LockedError struct {
	Key     []byte
	Primary []byte // the key that decides the fate of the other transaction
	StartTS uint64 // of the other transaction
	// Err is why the lock could not be removed; nil if its transaction was alive.
	Err error
}

func (e *LockedError) Error() string {
	text := fmt.Sprintf("key %q is locked by the transaction that began at %d, with primary key %q", e.Key, e.StartTS, e.Primary)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *LockedError) Unwrap() error { return e.Err }

func lockedBy(lock *kvrpcpb.LockInfo, err error) *LockedError {
	return &LockedError{Key: lock.Key, Primary: lock.PrimaryLock, StartTS: lock.LockVersion, Err: err}
}

// reason returns what e says for people. It is for errors that are not about a lock.
func reason(e *kvrpcpb.KeyError) string {
	switch {
	case e.GetAbort() != "":
		return e.Abort
	case e.GetTooOld() != nil:
		return fmt.Sprintf("the transaction of %d is older than the safe point %d: what became of it is no longer known", e.TooOld.Version, e.TooOld.SafePoint)
	case e.GetRetryable() != "":
		return e.Retryable
	case e.GetConflict() != nil:
		return fmt.Sprintf("conflict with the write of %d", e.Conflict.ConflictTs)
	case e.GetLocked() != nil:
		return fmt.Sprintf("key %q is locked by the transaction of %d", e.Locked.Key, e.Locked.LockVersion)
	default:
		return "an error without a reason"
	}
}
