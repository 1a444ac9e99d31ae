package scheduler

import (
	"maps"
	"slices"
	"time"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A cluster is what the scheduler knows of stores and regions, from heartbeats.
// Checkers and balancers read it, and decide what is to change.
type cluster struct {
	options  Options
	maxPeers int // that each region should have

	// uptime is how long the scheduler has been running, as the sum of the
	// times between two ticks. All that is measured in time is measured
	// against it: a clock that jumps, or a process that was suspended, makes
	// no store look dead.
	uptime time.Duration

	stores    map[uint64]*storeInfo
	regions   regions
	operators operators
}

func newCluster(o Options) cluster {
	return cluster{
		options:   o,
		stores:    map[uint64]*storeInfo{},
		regions:   newRegions(),
		operators: operators{running: map[uint64]*operator{}},
	}
}

// A storeInfo is what the scheduler knows of one store.
type storeInfo struct {
	meta  *metapb.Store           // as in the state
	stats *schedulerpb.StoreStats // of the last heartbeat; nil before the first
	heard time.Duration           // the uptime at the last sign of life, or when the store was put or loaded
}

func (i *storeInfo) id() uint64 { return i.meta.Id }

// silence is how long the store has sent no heartbeat.
func (c *cluster) silence(i *storeInfo) time.Duration { return c.uptime - i.heard }

// disconnected reports whether the store does not seem to run at this moment. It
// gets nothing new. Tombstones are always disconnected.
func (c *cluster) disconnected(i *storeInfo) bool {
	return i.meta.State == metapb.StoreState_Tombstone || c.silence(i) > c.options.StoreDisconnectTime
}

// down reports whether the store has been silent for so long that its peers are
// given up.
func (c *cluster) down(i *storeInfo) bool {
	return i.meta.State == metapb.StoreState_Tombstone || c.silence(i) > c.options.MaxStoreDownTime
}

// dead reports whether the store's peers are lost: it is down, or it is offline and
// does not even run.
func (c *cluster) dead(i *storeInfo) bool {
	return c.down(i) || i.meta.State == metapb.StoreState_Offline && c.disconnected(i)
}

// takesLeaders reports whether a leadership may go to the store.
func (c *cluster) takesLeaders(i *storeInfo) bool {
	return i.meta.State == metapb.StoreState_Up && !c.disconnected(i) && !i.stats.GetIsBusy()
}

// takesPeers reports whether a new peer may go to the store: it is up and
// connected, not busy, has room on its disk, and does not have too much to catch
// up with.
func (c *cluster) takesPeers(i *storeInfo) bool {
	snapshots := i.stats.GetSendingSnapCount() + i.stats.GetReceivingSnapCount() + i.stats.GetApplyingSnapCount()
	return c.takesLeaders(i) &&
		!lowOnSpace(i.stats) &&
		int(snapshots) < c.options.MaxSnapshots &&
		c.regions.on(i.id()).pending < c.options.MaxPendingPeers
}

// lowOnSpace reports whether less than a tenth of the store's disk is free. A
// store that does not say how large its disk is has room.
func lowOnSpace(s *schedulerpb.StoreStats) bool {
	return s.GetCapacity() > 0 && s.GetAvailable() < s.GetCapacity()/10
}

// sortedStores returns the stores in the order of their ids.
func (c *cluster) sortedStores() []*storeInfo {
	all := make([]*storeInfo, 0, len(c.stores))
	for _, id := range slices.Sorted(maps.Keys(c.stores)) {
		all = append(all, c.stores[id])
	}
	return all
}
