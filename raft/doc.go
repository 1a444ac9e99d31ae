// Package raft keeps a log identical on several machines, with the consensus
// algorithm of Diego Ongaro and John Ousterhout. "§" in this package refers to
// "In Search of an Understandable Consensus Algorithm (Extended Version)",
// "thesis §" to Ongaro's "Consensus: Bridging Theory and Practice".
//
// The package is the algorithm and nothing else. A node does no I/O, starts no
// goroutine and reads no clock: it is a state machine that takes ticks, messages
// and proposals, and says what it wants done. Disk, network and time belong to
// the caller. The same calls in the same order, with the same Config.RandIntN,
// have the same results.
//
// # Usage
//
// A RawNode is one node of one group, driven by one goroutine:
//
//	storage := raft.NewMemoryStorage(1, 2, 3)
//	n, err := raft.NewRawNode(&raft.Config{
//		ID:            1,
//		ElectionTick:  10,
//		HeartbeatTick: 1,
//		Storage:       storage,
//		RandIntN:      rand.IntN,
//	})
//
// The caller ticks it at a regular pace, steps it with each message from another
// member, proposes, and after any of these asks whether there is work:
//
//	for n.HasReady() {
//		rd := n.Ready()
//		// 1. Save, as one batch, and sync it if rd.MustSync.
//		// 2. Send.
//		// 3. Apply.
//		n.Advance(rd) // 4.
//	}
//
// Node does the same in a goroutine of its own, for callers on several. Its
// example is a whole replicated map, with snapshots and a restart.
//
// # The caller's duties
//
// For each Ready, in this order:
//
//  1. Save Snapshot (if there is one: it replaces the whole log), then Entries
//     (they replace what the log holds from their first index on), and
//     HardState, as one atomic batch. If MustSync is set, the batch must be on
//     disk before the next step. What was sent is a promise, a vote or an
//     acknowledgement, and a promise that a crash can undo elects two leaders or
//     loses committed entries.
//  2. Send Messages, in order for each receiver. They may be lost, delayed,
//     duplicated and reordered on the way. If one is a MsgSnapshot, say with
//     ReportSnapshot how it went; if a receiver cannot be reached, say so with
//     ReportUnreachable.
//  3. Apply Snapshot, then CommittedEntries, in order. Call ApplyConfChange for
//     each EntryConfChange, with a change whose NodeId is None if the
//     application refuses it. An entry without data is a leader's no-op, and
//     still moves the applied index.
//  4. Call Advance with the Ready. Until then, do not ask for the next.
//
// The node may be ticked and stepped between Ready and Advance.
//
// At a restart, Storage returns what was saved, its ConfState as of
// Config.Applied, and Config.Applied is the index up to which the application
// remembers having applied. The entries after it come again.
//
// # Log compaction
//
// The caller compacts Storage when it likes, up to its applied index. Storage
// then has a Snapshot in place of the entries, and the node sends it to a
// member that lacks them (§7).
//
// # Membership
//
// The group changes by one member at a time (thesis chapter 4). A change is in
// effect on a node once that node has applied it. The leader refuses a change
// while an earlier one may not be applied, and a new leader refuses until it has
// applied every entry that it found in its log. To remove the leader, hand over
// first: in a group of two the one that stays could otherwise miss that its vote
// alone now suffices.
//
// An id stands for promises: votes and acknowledgements, on which the group
// counts. So it is never given to a node that has forgotten them, and never to
// two nodes. A node that comes back without its disk is a new member, under a
// new id. A member that was removed may be added again if it still has what it
// saved.
//
// One breach of this is contained. A leader that adds an id which it has
// removed in the same term does not count acknowledgements that the earlier
// holder of the id may have sent. In a later term they are of no effect, as
// everything of an earlier term. Nothing protects from a vote that was
// forgotten.
//
// # Messages
//
// Messages between members carry the term of the sender. One of an earlier term
// is never obeyed; a request is answered with the current term. One of a later
// term makes its receiver a follower in that term.
//
//   - MsgRequestVote (index and logTerm are the end of the candidate's log) asks
//     for a vote. MsgRequestVoteResponse gives it, or refuses with reject.
//   - MsgAppend carries entries that follow the entry (index, logTerm), and the
//     leader's commit index, which counts as far as the last of them. It is sent
//     with no entries to find out where a log agrees, and to tell the commit
//     index.
//   - MsgAppendResponse answers every append of the current term. It says that the
//     log agrees up to index: the last entry of the append or, if that has none,
//     the entry before; or the commit index, if that is greater. With reject, it
//     says that there is no entry (index, logTerm of the append). rejectHint and
//     logTerm may then name the last entry that may agree: a leader may use them, or
//     go back by one.
//   - MsgHeartbeat says that the leader is alive. Its commit is never past what
//     the receiver is known to have, and is 0 for a new member.
//     MsgHeartbeatResponse answers it; the leader then goes on with a member that
//     may have missed messages.
//   - MsgSnapshot carries a snapshot. It is answered with MsgAppendResponse.
//   - MsgTransferLeader asks the leader to hand over to the member that it names
//     as its sender. It has no term. A node that is not the leader passes it on.
//   - MsgTimeoutNow tells the transferee to campaign at once. It may go without a
//     term.
//
// Local messages have no term and never cross the network: MsgHup (campaign),
// MsgBeat (send heartbeats), MsgPropose (append these entries together),
// MsgUnreachable and MsgSnapStatus (from ReportUnreachable and ReportSnapshot).
//
// How soon a leader sends, and how much at once, is up to it: with the proposal,
// after the answer to the message before, or with the next heartbeat.
package raft
