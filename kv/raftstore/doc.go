// Package raftstore keeps regions of the key space, each replicated by a Raft
// group of its own, on the engines of one store.
//
// # Parts
//
// A Store holds one peer (a replica) per region. Everything that happens to a
// peer comes to it as an event in its inbox: a request of a client, a Raft
// message of another store, a tick, the result of slow work. The run queue
// holds the peers that have something to do. A pass takes some of them, drains
// their inboxes, and handles the Readys of their Raft nodes. A peer is never in
// two passes at once, so its state needs no lock.
//
// Nothing in a pass blocks, sleeps, or starts a goroutine, except that it
// writes to the engines. Slow work goes to the Executor, and its result comes
// back as an event. So the code that a simulator pumps event by event is the
// code that Run pumps with goroutines.
//
// # The path of a write
//
//	NewWrite    encodes it: an entry, made for one version of a region
//	Write       puts it into the inbox of the region's peer
//	propose     checks it (region.Check) and gives it to Raft
//	save, saved writes the entry to the raft engine, synced, and sends messages
//	evaluate    checks the committed entry again, at its place in the log
//	add         puts its operations and the applied index into one part
//	takeOver    answers the client once the part is in the kv engine
//
// All peers of a pass share the writes to each engine: one sync serves every
// region and every proposal that was ready (group commit). While the sync runs,
// the next requests gather in the inboxes.
//
// # Regions that change
//
// A region is split, and its members change, by entries of its own log: an
// Admin request proposes one. An applier evaluates it against the region at
// that place in the log, and puts what it makes of the region into the part
// that has the applied index. What follows from that (effects) comes after the
// write: the Raft node learns of its members, a new region gets its peer.
//
// The directory has the peers of the store, and the ranges of keys that are
// taken. Ranges never overlap. A peer is born by a split or by a message of a
// leader or candidate (lobby.go), and ends when somebody knows that its group
// can do without it (lifecycle.go). Then a tombstone is written, durable, and
// what the peer had is deleted; the range is free when that is done.
//
// # Slow work
//
// Other regions share a pass, and wait for its end. So a pass does nothing that
// takes the longer the more data or history a region has, and it never waits
// for a sync of the kv engine. This is work for the Executor: to sync the kv
// engine, to delete a range of keys, to read the data of a region, and to
// create, write, read or sync a snapshot file. A pass may remove a file.
//
// A task may wait for long until it begins, and its result for long until a
// pass takes it. Meanwhile the peer goes on: its log grows, it may vote, a
// snapshot may replace the log. So a result is compared with the present state,
// never with what the peer remembers from when the task began; and of each kind
// of task, a region has at most one at a time, however many ticks and messages
// come. A task that failed because the disk was full is begun again later. A sync that
// failed makes nothing durable, and neither does a later one: the engine refuses every write
// and sync after it (engine.SyncError). So it does no harm to try again, and the store stops at
// the latest with its next write.
//
// # Snapshot files
//
// No snapshot file stays that the store does not need: it needs the last one
// that it made, the one that it is installing, and one that has just arrived
// until Raft has decided about it. A file that could not be written completely
// is removed at once, and what a crash leaves is removed when the store opens.
//
// # What is durable when
//
// A store has two engines. A crash keeps everything that was written to an
// engine before its last sync, and some prefix of what was written after it.
//
//  1. The raft engine holds, for each region, the log and the hard state. A
//     Ready's entries and hard state are one part, synced before any message of
//     that Ready leaves: a vote or an acknowledgement is a promise. A leader's
//     appends and heartbeats promise nothing and leave earlier (thesis
//     §10.2.1), but not before its term and vote are durable.
//
//  2. The kv engine holds the data, and for each region the applied index. What
//     an entry changes and the applied index change in one part, not synced: a
//     crash may lose the newest changes, and the log brings them back. So an
//     entry is applied only when it is durable in the log.
//
//  3. Therefore the log is compacted only up to an index that was applied
//     before a sync of the kv engine, and only after that sync. The new
//     beginning of the log is written first; the entries before it are deleted
//     later.
//
//  4. A snapshot is a file, synced before Raft hears of it. To install it, the
//     region is marked (synced). Then the old log and the old data are deleted
//     and the new data written. Then the mark is removed and the applied index
//     is set, in one part (synced). Then the empty log that begins after the
//     snapshot is written (synced), and only then is the snapshot acknowledged.
//
//  5. Both halves of a split, and the applied index, are in one part. The new
//     region begins at index 1 of term 1, with its data, as if a snapshot had
//     been installed. Its peer here begins only after a sync of the kv engine: its
//     promises are in the raft engine, and must not outlive its data. The log of
//     the left half need not bring those back, because a snapshot may replace it.
//
//  6. A tombstone is durable before anything of the peer is deleted. It has the
//     region's range until all is deleted. What a member tells a removed peer,
//     that it is no member any more, is durable at the member before.
//
// After a crash, a removal whose tombstone still has a range is finished. A
// region that is marked is installed again, from the
// beginning. If the log has no entry of the applied index and term, a snapshot
// was installed completely, and the log begins anew after it. Otherwise the
// entries after the applied index are applied again. The commit index on disk
// may be lower than the applied one, and is raised to it.
//
// Until a write has succeeded, a peer is what its disks say. A write may find
// the disk full; then the task stays, and a later pass repeats it. So what is in
// memory changes after the write, and as a whole: where the log begins and ends is
// always what the raft engine says. Only after a crash may the log begin earlier
// than before.
//
// # What a store costs
//
// Work follows what is asked for, not what is there, and memory follows what
// waits, not what was.
//
//  1. One pass applies a bounded part of what is committed and waits: at most
//     engine.MaxBatchSize bytes of entries of a region, or a single entry. After
//     an absence there may be any amount, and all regions wait for each pass.
//  2. Storage reads the entries that it returns, and at most one or two records
//     besides. Nothing walks the log: not a start, and not a message.
//  3. A read costs the keys that it returns. It does not walk keys of other
//     regions.
//  4. A request that was answered is forgotten.
//  5. Each iterator and snapshot is closed. Once no request waits and no slow
//     work is under way, nothing is open, and nothing after Close.
package raftstore
