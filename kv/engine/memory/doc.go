// Package memory implements an engine in memory that behaves like one on a
// disk, crashes included.
//
// A Disk survives a crash. Disk.Open starts an incarnation on it: an Engine,
// which stands for the process that has the disk open. Disk.Crash ends the
// incarnation without warning. From then on its operations, snapshots and
// iterators return engine.ErrClosed, so code of an incarnation that has ended
// cannot reach the data of the next one.
//
//	disk := memory.NewDisk()
//	e, err := disk.Open(engine.Families...)
//	e.Write(a, true)       // durable when Write returns
//	e.Write(b, false)      // not yet
//	e.Write(c, false)      // not yet
//	disk.Crash(1)          // a power cut; the first of the two unsynced batches had reached the disk
//	e, err = disk.Open(engine.Families...)
//	                       // holds a and b
//
// # What a crash loses
//
// Batches reach the disk in the order in which they were written, each as a
// whole. A crash loses unsynced batches from the end: the first keep of them
// survive, for a keep that the caller chooses between 0 and Disk.Unsynced.
// Every one of these outcomes is possible on real hardware, so correct code is
// correct under all of them. A crash of the process alone loses nothing that
// was written: that is Crash(All).
//
// # Faults
//
// Everything that changes the disk is a write with a number, counted from 1
// over all incarnations: each batch that is written, each Sync, each of the
// batches that a DeleteRange writes, the sync of a Close. Disk.Inject sets a
// function that gets every write before it happens and decides its outcome: the
// write happens, or it fails, or the machine crashes before it, after it, or
// between the write and its acknowledgement. To try every crash of a short run,
// run it once to learn the number of writes, then once for each write with At:
//
//	disk.Inject(memory.At(n, memory.Fault{Kind: memory.CrashBefore}))
//
// SetCapacity makes a full disk.
//
// # Cost
//
// The maps are copy-on-write B-trees. Taking a snapshot is O(1), and the first
// writes after it copy the nodes on their path. The support for crashes costs
// little while nothing crashes: unsynced batches keep an undo log of the values
// that they replaced, a sync drops it, a crash plays it back. Nothing here
// reads a clock, starts a goroutine or depends on the order of a Go map: the
// same calls give the same results.
package memory
