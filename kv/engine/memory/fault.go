package memory

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

// ErrIO is the error of an injected failure whose Fault has no Err.
var ErrIO = errors.NewNoStackError("input/output error")

// A Write describes a write that is about to happen to a Disk.
type Write struct {
	// N numbers the writes of a Disk, from 1.
	N uint64
	// Len and Bytes are the Len and Size of the batch; 0 if there is none,
	// because this is a Sync alone.
	Len, Bytes int
	// Sync reports whether the write ends with a sync.
	Sync bool
	// Unsynced is the number of unsynced batches before this write. The
	// batch of the write, if it has one, is not counted.
	Unsynced int
}

// A Fault decides the outcome of a Write. The zero Fault lets it happen.
type Fault struct {
	Kind FaultKind
	// Keep is the number of the batches, unsynced at the moment of a crash,
	// that survive it; see Disk.Crash.
	Keep int
	// Err is the error of a failure; nil means ErrIO.
	Err error
}

// A FaultKind is what goes wrong with a Write.
type FaultKind int

const (
	// NoFault lets the write happen.
	NoFault FaultKind = iota
	// FailWrite makes the write fail with Fault.Err: its batch is not
	// applied, and the engine goes on. If there is no batch, it is a
	// FailSync.
	FailWrite
	// FailSync makes the sync fail with Fault.Err, wrapped in an
	// *engine.SyncError: the batch is applied but unsynced, like the
	// batches before it, and the incarnation accepts no more writes. A
	// write without a sync just happens.
	FailSync
	// CrashBefore crashes the machine before anything of the write has
	// happened. The writer gets engine.ErrClosed.
	CrashBefore
	// CrashUnacknowledged crashes the machine after the batch is written,
	// but before its sync and before the write is acknowledged. The batch
	// counts as unsynced: with a Keep of All it survives, although its
	// writer gets engine.ErrClosed.
	CrashUnacknowledged
	// CrashAfter crashes the machine after the write and its sync. The
	// writer gets no error. A batch without a sync counts as unsynced.
	CrashAfter
)

// At returns a function for Disk.Inject that returns f for write number n, and
// no fault for the others.
func At(n uint64, f Fault) func(Write) Fault {
	return func(w Write) Fault {
		if w.N == n {
			return f
		}
		return Fault{}
	}
}

// write applies b, and then syncs if sync is true, for the live incarnation e.
// An empty b is only a sync. If the write meets a fault, write carries it out.
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

// admit returns engine.ErrDiskFull if there is no room for the keys and values
// that b puts.
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

// begin gives a write its number, and returns the fault that it meets.
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
