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
//  1. A key has at most one lock, and the lock's transaction has no record at that
//     key.
//  2. A transaction has at most one record at a key: it is committed or rolled back,
//     and that never changes.
//  3. The records of transactions that have committed a key do not overlap: the start
//     of each is above the commit timestamp of the one before.
//  4. For every lock and every record of kind Put there is the value. A Put of an empty
//     value has one, too.
//  5. A value is visible once its record is there, and not before; the record of the
//     primary comes first.
//
// # What a command does
//
// A command is a function of a Reader, which shows the region at one moment, and of
// the request. It returns the response and the writes that make it true, and changes
// nothing itself, neither the view nor the request.
//
//  1. First it checks the request, with the functions in request.go. A request that
//     makes no sense ends with a *RequestError, whatever is stored.
//  2. If a read fails, or finds what cannot be there (a lock or a record that is
//     corrupt, a record without its value), the command returns that error and no
//     writes. It never takes what it cannot read for something that is not there.
//  3. A request with several keys is carried out at all of them or at none. What is in
//     the way at a key is part of the response and not an error of the command; then
//     there are no writes.
//  4. Every request may come twice, and late: the network repeats it, or the client
//     does. Where a command finds its work done, it succeeds and writes nothing. Where
//     another client has undone that since, it changes nothing either.
//
// # What a handler does
//
// The handlers in package server carry commands out.
//
//  1. A handler of a command that writes holds the Latches of all its keys from before
//     it opens the Reader until the write is known to be applied or lost, however long
//     that takes. So no command decides on a state that another one is about to change.
//     Commands on other keys are served meanwhile, however many wait.
//  2. That holds also if the client has hung up: the write may be on its way through the
//     log and takes place nevertheless. It runs without the cancellation of the call.
//  3. Latches are in the memory of one leader. Another one may have led meanwhile, with
//     latches of its own. So the write carries the term of the Reader
//     (storage.Term) in its Context, whichever term the request has named, and the
//     storage refuses it in a later one. Else it is the Context of the request.
//  4. However a request ends, its view is closed and its latches are released.
//  5. What the storage says goes where server.outcome says. A write that was refused has
//     had no effect, and neither has its command. So all that a command changes goes
//     into one Write.
//  6. What a request is told depends on what its view shows, and on nothing that this
//     store has seen or answered before: others have led the region since, and written.
//
// A command that writes what it decides can decide on a draft (storage.Draft), which a
// leader has at once. It need not: a Reader will always do.
package transaction
