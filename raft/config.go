package raft

import (
	"log/slog"
	"math"

	"github.com/pingcap/errors"
)

// None is the id of no node. A node id is never None, and is never used again for
// another node.
const None uint64 = 0

// NoLimit is a size limit in bytes that limits nothing.
const NoLimit uint64 = math.MaxUint64

// Config holds what a node is started with.
type Config struct {
	// ID is the id of the node, not None.
	ID uint64

	// ElectionTick is the least number of ticks without a word of the leader
	// after which a follower campaigns. The wait is drawn anew for each
	// election from [ElectionTick, 2*ElectionTick). It must be greater than
	// HeartbeatTick; ten times as much is a good choice (§5.6: broadcast time
	// must be far below the election timeout).
	ElectionTick int

	// HeartbeatTick is the number of ticks between a leader's heartbeats.
	HeartbeatTick int

	// Storage holds what survives a crash: log, hard state, snapshot.
	Storage Storage

	// Applied is the index of the last entry that the application has applied
	// and remembers after a restart. The entries after it are handed out again.
	// What the snapshot in Storage covers is applied: an index before its end
	// stands for its end. So with zero, all entries after the snapshot come. It
	// is not past the commit index in Storage.
	Applied uint64

	// RandIntN returns a uniformly distributed number in [0, n). It is the
	// only source of randomness, and is called from the methods of the node.
	// rand.IntN of math/rand/v2 serves; a simulation passes its own.
	RandIntN func(n int) int

	// MaxSizePerMsg limits the bytes of entries in one append message. One
	// entry is always sent, whatever its size. Zero means NoLimit. This limit
	// and the next two are for speed and memory; Raft is correct without.
	MaxSizePerMsg uint64 //lab:private

	// MaxCommittedSizePerReady limits the bytes of committed entries in one
	// Ready. One entry is always handed out. Zero means NoLimit.
	MaxCommittedSizePerReady uint64 //lab:private

	// MaxInflightMsgs limits the append messages with entries that a leader
	// sends to a follower before it waits for an answer. Zero means 256.
	MaxInflightMsgs int

	// Logger gets role changes and unexpected messages. Nil means no log.
	Logger *slog.Logger
}

// Validate reports what is missing or contradictory in c.
func (c *Config) Validate() error {
	switch {
	case c.ID == None:
		return errors.New("raft: Config.ID must not be None")
	case c.HeartbeatTick <= 0:
		return errors.Errorf("raft: Config.HeartbeatTick is %d, must be positive", c.HeartbeatTick)
	case c.ElectionTick <= c.HeartbeatTick:
		return errors.Errorf("raft: Config.ElectionTick is %d, must be greater than HeartbeatTick, which is %d",
			c.ElectionTick, c.HeartbeatTick)
	case c.Storage == nil:
		return errors.New("raft: Config.Storage is missing")
	case c.RandIntN == nil:
		return errors.New("raft: Config.RandIntN is missing; rand.IntN of math/rand/v2 serves")
	}
	return nil
}

// logger returns the logger of the node, which is never nil.
func (c *Config) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger.With("node", c.ID)
}

// orDefault returns v, or the default where v was left zero.
//
//lab:private
func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
