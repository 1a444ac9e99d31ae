package memory

import (
	"math"
	"slices"
	"sync"

	"github.com/labkv/labkv/kv/engine"
)

const (
	// All, as the keep of a crash, keeps everything that was written.
	All = math.MaxInt
	// Unlimited is the capacity of a disk that never gets full.
	Unlimited = math.MaxInt64
)

// A Disk holds the data that survive a crash. At most one Engine has it open at
// a time. Its methods may be called from several goroutines at once.
type Disk struct {
	mu sync.RWMutex

	// families and names are fixed by the first Open.
	families []*family
	names    []engine.CF

	// view holds the frozen families. It is nil if something was written
	// since they were frozen.
	view []*tree

	// undo holds what the unsynced batches replaced, oldest first. The
	// records of unsynced batch i start at undo[unsynced[i]].
	undo     []undoRecord
	unsynced []int

	writes   uint64
	used     int64
	capacity int64
	inject   func(Write) Fault

	// live is the incarnation that has the disk open, or nil.
	live *Engine
}

// NewDisk returns an empty disk of unlimited capacity.
func NewDisk() *Disk {
	return &Disk{capacity: Unlimited}
}

// Open starts an incarnation on d, with the data that d holds. The first Open
// fixes the families; a later one with others returns an *engine.FamiliesError.
// While another incarnation has d open, Open returns engine.ErrInUse.
func (d *Disk) Open(families ...engine.CF) (*Engine, error) {
	if err := engine.CheckFamilies(families); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live != nil {
		return nil, engine.ErrInUse
	}
	if d.names == nil {
		d.names = slices.Clone(families)
		for range families {
			d.families = append(d.families, newFamily())
		}
	}
	if !engine.SameFamilies(d.names, families) {
		return nil, &engine.FamiliesError{Have: slices.Clone(d.names), Want: slices.Clone(families)}
	}
	d.settle() // the operating system still has the unsynced writes of a process that died
	d.live = &Engine{disk: d, names: d.names}
	return d.live, nil
}

// Crash cuts the power: the incarnation that has d open ends, and of the
// unsynced batches only the first keep survive. A keep above Unsynced keeps all
// of them, a keep below zero none. Crash also loses unsynced batches if no
// incarnation has d open.
func (d *Disk) Crash(keep int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crash(keep)
}

func (d *Disk) crash(keep int) {
	if keep = max(keep, 0); keep < len(d.unsynced) {
		d.rollBack(d.unsynced[keep])
	}
	d.settle()
	d.release()
}

// release ends the live incarnation.
func (d *Disk) release() {
	if d.live != nil {
		d.live.closed.Store(true)
		d.live = nil
	}
}

// Unsynced returns the number of batches that a crash could lose now.
func (d *Disk) Unsynced() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.unsynced)
}

// Writes returns the number of the last write that was begun; see Inject.
func (d *Disk) Writes() uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.writes
}

// Used returns the number of bytes of all keys and values on d, unsynced ones
// included.
func (d *Disk) Used() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.used
}

// SetCapacity limits d to the given number of bytes of keys and values. A batch
// fits if the bytes that it puts fit beside the bytes that are there: those
// that it overwrites or deletes give room only to later batches, as on a disk
// that never overwrites in place. A batch that only deletes always fits. A
// capacity of 0 is a full disk, Unlimited removes the limit.
func (d *Disk) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = bytes
}

// Inject makes fault decide about every write from now on; nil stops that.
// fault is called with the disk locked, in the order of the writes. It must not
// call methods of this disk or of an engine on it, but it may call methods of
// another disk, to crash a machine with several disks at once.
func (d *Disk) Inject(fault func(Write) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inject = fault
}

// An undoRecord restores what one write of an unsynced batch replaced.
type undoRecord struct {
	family int
	key    string
	value  string
	had    bool // whether key had a value at all
}

// apply applies b, as the last of the unsynced batches.
func (d *Disk) apply(b *engine.Batch) {
	d.unsynced = append(d.unsynced, len(d.undo))
	d.view = nil
	for _, op := range b.Ops() {
		i := engine.FamilyIndex(d.names, op.CF)
		f := d.families[i]
		before := f.bytes
		undo := undoRecord{family: i}
		if op.Delete {
			undo.key = string(op.Key)
			if undo.value, undo.had = f.delete(undo.key); !undo.had {
				continue
			}
		} else {
			undo.key, undo.value, undo.had = f.put(op.Key, op.Value)
		}
		d.used += f.bytes - before
		d.undo = append(d.undo, undo)
	}
}

// settle makes everything that was applied durable.
func (d *Disk) settle() {
	clear(d.undo)
	d.undo = d.undo[:0]
	d.unsynced = d.unsynced[:0]
}

// rollBack undoes the records from undo[start] on, newest first.
func (d *Disk) rollBack(start int) {
	d.view = nil
	for i := len(d.undo) - 1; i >= start; i-- {
		u := &d.undo[i]
		f := d.families[u.family]
		before := f.bytes
		if u.had {
			f.set(u.key, u.value)
		} else {
			f.delete(u.key)
		}
		d.used += f.bytes - before
	}
}

// freeze returns the families as they are now. The trees never change.
func (d *Disk) freeze() []*tree {
	if d.view == nil {
		d.view = make([]*tree, len(d.families))
		for i, f := range d.families {
			d.view[i] = f.freeze()
		}
	}
	return d.view
}
