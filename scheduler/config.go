package scheduler

import (
	"log/slog"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// cfScheduler is the family of all records; see records.go.
const cfScheduler engine.CF = "scheduler"

// Families are the column families that a scheduler's engine is opened with.
var Families = []engine.CF{cfScheduler}

// Config holds what a scheduler is opened with.
type Config struct {
	// ClusterID identifies the cluster; non-zero. The engine records it, and
	// Open refuses the engine of another cluster.
	ClusterID uint64

	// Engine holds the durable state. The caller opens it with Families, and
	// closes it after the last call.
	Engine engine.Engine

	// Now is the clock. It may jump, forward and back.
	Now func() time.Time

	// Member says how this scheduler is reached. It is what GetMembers
	// answers; nil if nothing is known.
	Member *schedulerpb.Member

	Options Options
	Logger  *slog.Logger // nil: quiet
}

// Options tune a scheduler. Zero values stand for the defaults.
type Options struct {
	// MaxPeerCount is the number of peers that each region of a new cluster
	// should have; 3 by default. Later PutClusterConfig changes it.
	MaxPeerCount uint32

	// A store that sent no heartbeat for StoreDisconnectTime (20 s) gets
	// nothing new. One that sent none for MaxStoreDownTime (30 min) is down:
	// its peers are replaced.
	StoreDisconnectTime, MaxStoreDownTime time.Duration

	// StoreLimit is the number of operators in flight that bring one store a
	// peer or a leadership; 4 by default.
	StoreLimit int

	// RepairLimit, RegionLimit and LeaderLimit are the numbers of operators in
	// flight in all that correct the number and places of peers (64), balance
	// regions (8), and balance leaders (8). A negative limit turns that kind of
	// operator off.
	RepairLimit, RegionLimit, LeaderLimit int

	// PeerTimeout (10 min) ends an operator that adds or removes peers,
	// LeaderTimeout (1 min) any other.
	PeerTimeout, LeaderTimeout time.Duration

	// After Open, the balancers wait until all regions have sent a heartbeat, but
	// not longer than WarmUpTime; 5 min by default.
	WarmUpTime time.Duration

	// RetryTime is how long the balancers leave a region alone after an
	// operator on it has failed; 1 min by default.
	RetryTime time.Duration

	// A store with MaxPendingPeers (16) peers that are far behind, or with
	// MaxSnapshots (8) snapshots under way, gets no more peers.
	MaxPendingPeers, MaxSnapshots int

	// History is the number of operators that are remembered after they have
	// ended; 500 by default.
	History int

	// IDBatch is the number of ids that one write to the disk reserves; 1000 by
	// default. A crash skips the rest of a batch.
	IDBatch uint64

	// TimestampWindow is how far ahead of the clock one write to the disk
	// reserves timestamps; 3 s by default.
	TimestampWindow time.Duration
}

// complete puts the defaults in, and returns an error for what makes no sense.
func (o *Options) complete() error {
	type duration struct {
		name  string
		value *time.Duration
		init  time.Duration
	}
	for _, d := range []duration{
		{"StoreDisconnectTime", &o.StoreDisconnectTime, 20 * time.Second},
		{"MaxStoreDownTime", &o.MaxStoreDownTime, 30 * time.Minute},
		{"PeerTimeout", &o.PeerTimeout, 10 * time.Minute},
		{"LeaderTimeout", &o.LeaderTimeout, time.Minute},
		{"WarmUpTime", &o.WarmUpTime, 5 * time.Minute},
		{"RetryTime", &o.RetryTime, time.Minute},
		{"TimestampWindow", &o.TimestampWindow, 3 * time.Second},
	} {
		if *d.value < 0 || *d.value > 0 && *d.value < time.Millisecond {
			return errors.Errorf("scheduler: %s is %s: want a millisecond or more", d.name, *d.value)
		}
		if *d.value == 0 {
			*d.value = d.init
		}
	}
	for _, n := range []struct {
		value *int
		init  int
	}{
		{&o.StoreLimit, 4}, {&o.RepairLimit, 64}, {&o.RegionLimit, 8}, {&o.LeaderLimit, 8},
		{&o.MaxPendingPeers, 16}, {&o.MaxSnapshots, 8}, {&o.History, 500},
	} {
		if *n.value == 0 {
			*n.value = n.init
		}
	}
	if o.MaxPeerCount == 0 {
		o.MaxPeerCount = 3
	}
	if o.IDBatch == 0 {
		o.IDBatch = 1000
	}
	switch {
	case o.MaxPeerCount > maxPeerCount:
		return errors.Errorf("scheduler: MaxPeerCount is %d: want at most %d", o.MaxPeerCount, maxPeerCount)
	case o.MaxStoreDownTime < o.StoreDisconnectTime:
		return errors.Errorf("scheduler: MaxStoreDownTime is %s: want at least StoreDisconnectTime, %s", o.MaxStoreDownTime, o.StoreDisconnectTime)
	case o.StoreLimit < 1 || o.MaxPendingPeers < 1 || o.MaxSnapshots < 1 || o.History < 1:
		return errors.New("scheduler: StoreLimit, MaxPendingPeers, MaxSnapshots and History must not be negative")
	}
	return nil
}
