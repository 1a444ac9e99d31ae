package engine

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pingcap/errors"
)

// Sentinel errors carry no stack: they are compared, not debugged.
var (
	// ErrClosed is returned by every operation on an engine, snapshot or
	// iterator that was closed, or whose process crashed.
	ErrClosed = errors.NewNoStackError("engine is closed")
	// ErrEmptyKey is returned where a key is required and none is given.
	ErrEmptyKey = errors.NewNoStackError("key is empty")
	// ErrDiskFull is returned by a write that found no room. The batch was
	// not applied, and the engine still serves reads.
	ErrDiskFull = errors.NewNoStackError("no space left on device")
	// ErrInUse is returned by an attempt to open data that another engine
	// has open.
	ErrInUse = errors.NewNoStackError("in use by another engine: close that one first")
)

// An UnknownFamilyError is returned for a column family that the engine was
// not opened with.
type UnknownFamilyError struct {
	CF CF
}

func (e *UnknownFamilyError) Error() string {
	return "unknown column family " + strconv.Quote(e.CF)
}

// A FamiliesError is returned by an attempt to open data that was created with
// other column families.
type FamiliesError struct {
	Have []CF // of the data, as it was created
	Want []CF // of the attempt to open it
}

func (e *FamiliesError) Error() string {
	return fmt.Sprintf("data has the column families %s: it cannot be opened with %s",
		strings.Join(e.Have, ", "), strings.Join(e.Want, ", "))
}

// A TooLargeError is returned by a write that exceeds one of the limits
// (MaxKeySize, MaxValueSize, MaxBatchSize, MaxBatchLen, or a lower limit that
// an engine was configured with). Nothing of the batch was applied; split it to
// write it.
type TooLargeError struct {
	What  string // "key", "value", "batch", ...
	Size  int
	Limit int
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s is too large: %d, limit %d", e.What, e.Size, e.Limit)
}

// A SyncError is returned by a sync that failed, and by every write and sync
// after that. The operating system may have dropped the data that it could not
// write, so a later sync that succeeds would prove nothing. The batch that was
// being synced may be visible to reads; whether it and the unsynced ones before
// it survive is unknown until the data is opened again.
type SyncError struct {
	Err error // why the sync failed
}

func (e *SyncError) Error() string {
	return "sync failed, durability unknown, reopen the engine: " + e.Err.Error()
}

func (e *SyncError) Unwrap() error { return e.Err }
