package memory

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

// ErrIO is the error of an injected failure that names no other.
var ErrIO = errors.NewNoStackError("input/output error")

// A Write is one thing about to be done to a Disk.
type Write struct {
	// N numbers the writes of a Disk, from 1.
	N uint64
	// Len and Bytes are the Len and Size of the batch; 0 if there is none,
	// because this is a Sync alone.
	Len, Bytes int
	// Sync reports whether the write ends with a sync.
	Sync bool
	// Unsynced is the number of unsynced batches before this write. If the
	// write has a batch, it will be one more.
	Unsynced int
}

// A Fault says what becomes of a Write. The zero Fault lets it happen.
type Fault struct {
	Kind FaultKind
	// Keep is how many of the batches that are unsynced at the moment of a
	// crash survive it; see Disk.Crash.
	Keep int
	// Err is the reason given for a failure, ErrIO if nil.
	Err error
}

// A FaultKind is what goes wrong with a Write.
type FaultKind int

const (
	// NoFault lets the write happen.
	NoFault FaultKind = iota
	// FailWrite has the write fail with Fault.Err: its batch is not applied,
	// and the engine goes on. If there is no batch, it is a FailSync.
	FailWrite
	// FailSync has the sync fail with Fault.Err, wrapped in an
	// *engine.SyncError: the batch is applied but unsynced, like those before
	// it, and the incarnation accepts no more writes. A write without a sync
	// just happens.
	FailSync
	// CrashBefore crashes the machine before anything of the write happened.
	// The writer sees engine.ErrClosed.
	CrashBefore
	// CrashUnacknowledged crashes the machine after the batch was written and
	// before its sync was done or anyone heard of it. The batch counts as one
	// of the unsynced: with a Keep of All it survives, although its writer
	// sees engine.ErrClosed.
	CrashUnacknowledged
	// CrashAfter crashes the machine once the write and its sync are done and
	// the writer was told so. A batch without sync counts as one of the
	// unsynced.
	CrashAfter
)

// At returns a function for Disk.Inject that has f befall write number n, and
// nothing the others.
func At(n uint64, f Fault) func(Write) Fault {
	return func(w Write) Fault {
		if w.N == n {
			return f
		}
		return Fault{}
	}
}

// write does b, then a sync if asked, for the live incarnation e. An empty b
// is only a sync. It returns with the fault that the write met, if any, done.
func (d *Disk) write(e *Engine, b *engine.Batch, sync bool) error {
	if err := d.admit(b); err != nil {
		return err
	}
	fault := d.begin(b, sync)
	switch fault.Kind {
	case CrashBefore:
		d.crash(fault.Keep)
		return engine.ErrClosed
	case FailWrite:
		if b.Len() > 0 {
			return fault.Err
		}
		fault.Kind = FailSync
	}

	if b.Len() > 0 {
		d.apply(b)
	}
	switch {
	case fault.Kind == CrashUnacknowledged:
		d.crash(fault.Keep)
		return engine.ErrClosed
	case fault.Kind == FailSync && sync:
		e.failed = &engine.SyncError{Err: fault.Err}
		return e.failed
	case sync:
		d.settle()
	}
	if fault.Kind == CrashAfter {
		d.crash(fault.Keep)
	}
	return nil
}

// admit returns engine.ErrDiskFull if there is no room for what b puts.
func (d *Disk) admit(b *engine.Batch) error {
	if int64(b.Size()) <= d.capacity-d.used {
		return nil // the common case, without looking at the writes
	}
	var need int64
	puts := false
	for _, op := range b.Ops() {
		if !op.Delete {
			puts = true
			need += int64(len(op.Key) + len(op.Value))
		}
	}
	if puts && need > d.capacity-d.used {
		return engine.ErrDiskFull
	}
	return nil
}

// begin gives a write its number and its fate.
func (d *Disk) begin(b *engine.Batch, sync bool) Fault {
	d.writes++
	if d.inject == nil {
		return Fault{}
	}
	fault := d.inject(Write{
		N:        d.writes,
		Len:      b.Len(),
		Bytes:    b.Size(),
		Sync:     sync,
		Unsynced: len(d.unsynced),
	})
	if fault.Err == nil {
		fault.Err = ErrIO
	}
	return fault
}
