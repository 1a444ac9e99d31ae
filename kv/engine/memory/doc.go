// Package memory is an engine in memory that behaves like one on a disk, crashes
// included.
//
// A Disk is what survives. Disk.Open starts an incarnation on it: an Engine,
// which stands for the process that has the disk open. Disk.Crash ends the
// incarnation the hard way. From then on its operations, snapshots and iterators
// return engine.ErrClosed, so code that does not know yet that it is dead
// cannot reach the data of its successor.
//
//	disk := memory.NewDisk()
//	e, err := disk.Open(engine.Families...)
//	e.Write(a, true)       // durable when Write returns
//	e.Write(b, false)      // not yet
//	e.Write(c, false)      // not yet
//	disk.Crash(1)          // the power goes; of the two unsynced batches, one had reached the platter
//	e, err = disk.Open(engine.Families...)
//	                       // holds a and b
//
// # What a crash loses
//
// Batches reach the disk in the order in which they were written, each as a
// whole. What was not synced when the power went is lost from the end: the
// first keep of the unsynced batches survive, for a keep that the caller
// chooses between 0 and Disk.Unsynced. Every one of these outcomes is possible
// on real hardware, so code that is correct must be correct under all of them.
// A crash of the process alone loses nothing that was written: that is Crash(All).
//
// # Faults
//
// Everything that changes the disk has a number, counted from 1 over the life of
// the Disk: each batch that is written, each Sync, each of the batches into
// which a DeleteRange falls, the sync of a Close. Disk.Inject sets a function
// that is shown every write before it happens and says what becomes of it: it
// fails, or the machine crashes before it, after it, or between doing it and
// saying so. To try every crash of a short run, do it once to learn the number
// of writes, then once for each write with At:
//
//	disk.Inject(memory.At(n, memory.Fault{Kind: memory.CrashBefore}))
//
// The full disk is a matter of SetCapacity.
//
// # Cost
//
// The maps are copy-on-write B-trees. Taking a snapshot is O(1), and the first
// writes after it copy the nodes on their path. What crashes need costs
// little while nothing crashes: unsynced batches keep an undo log of the
// values they replaced, a sync forgets it, a crash plays it back. Nothing here
// reads a clock, starts a goroutine or depends on the order of a Go map: the same
// calls give the same results.
package memory
