// Package transport carries Raft messages and snapshots between stores over
// gRPC.
//
// Each store has one stream to every other store for all its Raft messages, and
// opens one more for each snapshot, on a connection of its own, so that a large
// snapshot holds nothing up. Answers come back on the other store's own stream.
// Nothing is repeated and nothing is acknowledged: Raft handles the loss of
// messages, and is told of messages that are known to be lost.
//
// An append without entries only carries the commit index, which the next
// append to the same peer carries, too. So it may wait: it leaves with the next
// message to its store, or after commitDelay. This spares a busy region half of
// its messages.
//
// # Identity
//
// The side that opens a stream says in the stream's metadata which cluster and
// which store it is, and which store it means to reach. The other side checks
// that, and answers with its own identity before anything is sent. Both also
// say which process they are, by a random number that each process draws at its
// start. While a store is connected as one process, another process with the
// same store id is refused: the two would undo each other's votes. Both sides
// log the refusal. (A machine that has lost its power is noticed after seconds,
// by pings that stay unanswered.)
//
// # Messages that are dropped
//
// A message that no store of this cluster can have sent is dropped, counted by
// reason, and logged, though not each time. A peer that sends garbage loses
// that message and nothing else. A snapshot counts only once it is complete:
// each chunk has a checksum and begins where the one before it ended, the file
// has the size and the checksum of its header, and is synced under its final
// name before the message that it belongs to reaches the store.
package transport
