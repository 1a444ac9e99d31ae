// Package raftstore keeps regions of the key space, each replicated by a Raft
// group of its own, on the engines of one store.
//
// # Who does what
//
// A Store holds one peer (a replica) per region. Everything that happens to a
// peer comes to it as a message in its inbox: a command of a client, a Raft
// message of another store, a tick, the result of slow work. The store's run
// queue says which peers have something to do; Pass takes some of them, drains
// their inboxes, and handles the Readys of their Raft nodes. One peer never is
// in two passes at once, so nothing of a peer needs a lock.
//
// Nothing in a pass blocks, sleeps, or starts a goroutine, except that it writes
// to the engines. Slow work goes to the Executor, and its result comes back as a
// message. So the code that a simulator pumps event by event is the code that
// Run pumps with goroutines.
//
// # One write
//
//	Submit -> inbox -> propose -> Ready -> send -> raft engine (synced)
//	a later pass: answers -> Ready -> kv engine (not synced) -> callback
//
// All peers of a pass share one write to each engine: one sync serves every
// region and every proposal that was ready (group commit). While it is on its
// way, the next commands gather in the inboxes.
//
// # What is durable when
//
// A store has two engines. In each, what was written before a sync survives a
// crash, and what was written after it survives up to some point and not beyond.
//
//  1. The raft engine holds, for each region, the log and the hard state. A
//     Ready's entries and hard state are one batch, synced before any message
//     of that Ready leaves: a vote or an acknowledgement is a promise. A leader's
//     appends and heartbeats promise nothing and leave before (thesis §10.2.1),
//     but not before its term and vote are durable.
//  2. The kv engine holds the data, and for each region the applied index. What
//     an entry changes and the applied index change in one batch, not synced: a
//     crash may take the newest of it, and the log brings it back. So an entry
//     is applied only when it is durable in the log.
//  3. Therefore the log is collected only up to an applied index that was synced
//     in the kv engine, and only after that sync.
//  4. A snapshot is a file, synced before Raft hears of it. To install it, the
//     region is marked as being restored (synced), then data are replaced, then
//     mark and applied index are set in one batch (synced), then the log is
//     dropped (synced), and only then is the snapshot acknowledged. A crash in
//     between starts over from the mark.
//
// After a crash: a region that is marked is restored again. One whose applied
// index is past the end of its log was restored completely, and drops its log.
// Otherwise the entries behind the applied index are applied again. The commit
// index on disk may be behind the applied one, and is raised to it.
package raftstore
