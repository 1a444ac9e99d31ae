package transport

import (
	"context"
	"log/slog"
	"math/bits"
	"sync"
)

// A DropReason says why a message, or a whole stream, was dropped.
type DropReason string

// The reasons.
const (
	// Outgoing.
	DropUnknownStore DropReason = "unknown store" // not in the address book
	DropUnreachable  DropReason = "unreachable"   // there is no connection to it now
	DropQueueFull    DropReason = "queue full"    // it takes messages too slowly
	DropTooMany      DropReason = "too many"      // snapshots at a time, in either direction
	DropSnapshotLost DropReason = "snapshot lost" // could not be sent

	// Incoming streams.
	DropIdentity  DropReason = "wrong identity" // of another cluster, not a member, or not for this store
	DropDuplicate DropReason = "duplicate id"   // two live processes have one store id

	// Incoming messages and snapshots.
	DropMalformed DropReason = "malformed" // no store sends such a thing
	DropCorrupt   DropReason = "corrupt"   // a snapshot that differs from its header
	DropCut       DropReason = "cut"       // a snapshot that ended early
	DropDisk      DropReason = "disk"      // a snapshot that could not be written
)

// drops counts what was dropped.
type drops struct {
	logger *slog.Logger
	mu     sync.Mutex
	counts map[DropReason]uint64
}

// count counts one drop, and logs it if the count is a power of two: the first
// is always logged, and a flood does not fill the log.
func (d *drops) count(why DropReason, attributes ...any) {
	d.mu.Lock()
	if d.counts == nil {
		d.counts = map[DropReason]uint64{}
	}
	d.counts[why]++
	n := d.counts[why]
	d.mu.Unlock()
	if bits.OnesCount64(n) == 1 {
		level := slog.LevelWarn
		switch why {
		case DropDuplicate:
			level = slog.LevelError
		case DropUnreachable:
			level = slog.LevelDebug // the link has logged it
		}
		d.logger.Log(context.Background(), level, "dropped", append([]any{"reason", string(why), "count", n}, attributes...)...)
	}
}

func (d *drops) snapshot() map[DropReason]uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	counts := map[DropReason]uint64{}
	for why, n := range d.counts {
		counts[why] = n
	}
	return counts
}
