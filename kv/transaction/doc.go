// Package transaction turns a store of keys into a store of versions, and has the
// commands from which clients build transactions with snapshot isolation: Percolator
// (Peng and Dabek, "Large-scale Incremental Processing Using Distributed
// Transactions and Notifications", OSDI 2010, §2.2 to §2.4).
//
// A transaction reads the snapshot of its start timestamp, and buffers its writes.
// To commit, its client first prewrites every key: that locks the key and stores the
// new value where no reader looks yet. Then it gets a commit timestamp and commits
// one of the keys, the primary. That is one write of one region, so it happens or it
// does not: from then on the transaction is committed, and before it is not. All
// other locks name the primary. A client that meets a lock whose owner is gone asks
// the primary what became of the transaction, and finishes the job in its stead.
//
// # What is stored
//
// A user key occupies one place in each of three column families:
//
//	lock     EncodeKey(key)              Lock     at most one: a transaction is under way
//	write    VersionKey(key, commitTS)   Record   this start timestamp was committed then,
//	         VersionKey(key, startTS)    Record   or was rolled back
//	default  VersionKey(key, startTS)    value    what the transaction writes
//
// Versions of a key lie together, the newest first; keys.go says how. So a reader at
// a timestamp seeks once in the write family, and finds what to read in default.
//
// # What always holds
//
//  1. A key has at most one lock, and the lock's transaction has no record at that key.
//  2. A transaction has at most one record at a key: it is committed or rolled back,
//     and that never changes.
//  3. The records of transactions that have committed a key do not overlap: the start
//     of each is above the commit timestamp of the one before.
//  4. For every lock and every record of kind Put there is the value, and for no other
//     lock or record.
//  5. A value is visible once its record is there; the record of the primary comes first.
//
// # Who does what
//
// A command is a function of a Reader, which shows the region at one moment, and of
// the request. It returns the response and the writes that make it true, and changes
// nothing itself. Package server carries commands out: it holds the Latches of
// the keys from before the Reader is made until the writes are known to be applied or
// lost, so that a command never decides on a state that another one is about to change.
package transaction
