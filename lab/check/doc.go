// Package check decides whether what a system did was right: while it runs, and
// from what its clients saw.
//
// # From what clients saw
//
// A History holds what clients did: each operation with its beginning and its
// end, and what it returned. An operation whose outcome the client never learned
// may take effect at any time after it began, or never. Linearizable says whether
// all of a history could have happened one operation at a time, each between its
// beginning and its end. It checks each key on its own, which is exact for
// operations on single keys (linearizability is local), and scans as reads of each
// key in their range; whether a scan saw one moment is checked besides, from
// the times at which what it saw can have been there together. So a scan that
// passes may still be wrong in a way that no time can prove.
//
// An acknowledged write that is lost shows as a read, at the end, that is not
// linearizable: let a client read every key once the system has recovered.
//
// # Transactions
//
// A History holds transactions, too, with their timestamps, reads and writes.
// SnapshotIsolation says whether they are what snapshot isolation allows, which needs no
// search. WriteSkew finds those that could not have happened one after the other, so that
// a test can show that snapshot isolation allows more than serializability. Sums needs
// no timestamps: what transactions move from key to key must be there in every snapshot.
//
// # While it runs
//
// Groups watches Raft groups, Answers that each request is answered exactly once.
// Both cost little: they are asked after every event.
package check
