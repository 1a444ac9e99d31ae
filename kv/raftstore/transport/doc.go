// Package transport carries Raft messages and snapshots between stores over
// gRPC.
//
// Each store has one stream to every other store for all its Raft messages,
// and opens one more for each snapshot, on a connection of its own, so that a
// large snapshot holds nothing up. Answers come back on the other store's own
// stream. Nothing is repeated and nothing is acknowledged: Raft deals with what
// is lost, and is told of what is known to be lost. An append without entries only
// brings news of the commit index, which the next append brings too; it waits a moment
// for company, which spares a busy region half of its messages.
//
// # Who is there
//
// Whoever opens a stream says in its metadata which cluster and which store it
// is, and which store it means to reach; the other side checks that, and answers
// with its own identity before anything is sent. Both also say which process they
// are, by a random number that each process draws at its start. A store that is
// connected as one process is refused as another: two processes with one id
// would undo each other's votes. Both sides log it. (A machine that lost its
// power is noticed after seconds, by pings that stay unanswered.)
//
// # What is not believed
//
// A message that no store of this cluster can have sent is dropped, counted by
// reason, and logged, though not each time; a peer that sends garbage costs its
// message and nothing else. A snapshot counts only once it is complete: each
// chunk has a checksum and stands where the one before it ended, the file has the
// size and the checksum of its header, and is synced under its final name before
// the message that it belongs to reaches the store.
package transport
