package status

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// region is a region with a peer on each of some stores, whose id is ten times that of
// the region, and the store.
func region(id uint64, start, end string, version, confVer uint64, stores ...uint64) *metapb.Region {
	r := &metapb.Region{Id: id, StartKey: []byte(start), EndKey: []byte(end), RegionEpoch: &metapb.RegionEpoch{Version: version, ConfVer: confVer}}
	for _, s := range stores {
		r.Peers = append(r.Peers, &metapb.Peer{Id: 10*id + s, StoreId: s})
	}
	return r
}

const (
	follows = raftserverpb.PeerStatus_FOLLOWER
	leads   = raftserverpb.PeerStatus_LEADER
)

// A report is what one store says of one region.
type report struct {
	store  uint64
	status *raftserverpb.PeerStatus
}

func says(store uint64, r *metapb.Region, role raftserverpb.PeerStatus_Role, term, applied uint64) report {
	return report{store, &raftserverpb.PeerStatus{Region: r, PeerId: 10*r.Id + store, Role: role, Term: term, Applied: applied, ApproximateSize: 100*r.Id + store}}
}

// together returns the regions in words. Stores that say something answer.
func together(known []*metapb.Region, reports ...report) string {
	stores := map[uint64]*raftserverpb.StoreStatus{}
	for _, r := range reports {
		if stores[r.store] == nil {
			stores[r.store] = &raftserverpb.StoreStatus{StoreId: r.store}
		}
		if r.status != nil {
			stores[r.store].Peers = append(stores[r.store].Peers, r.status)
		}
	}
	var lines []string
	for _, r := range regionsOf(stores, known, func(id uint64) bool { return stores[id] != nil }) {
		var peers []string
		for _, p := range r.Peers {
			peers = append(peers, fmt.Sprintf("%d %s", p.Store, p.State))
		}
		lines = append(lines, fmt.Sprintf("%d [%s,%s) %d.%d led by %d in %d, %d bytes: %s", r.ID, r.Start, r.End, r.ConfVer, r.Version, r.Leader, r.Term, r.Size, strings.Join(peers, ", ")))
	}
	return strings.Join(lines, "\n")
}

func TestRegions(t *testing.T) {
	whole := region(1, "", "", 1, 3, 1, 2, 3)
	require.Equal(t, "1 [,) 3.1 led by 2 in 5, 102 bytes: 1 ok, 2 ok, 3 ok",
		together(nil, says(1, whole, follows, 5, 9), says(2, whole, leads, 5, 10), says(3, whole, follows, 5, 9)))

	// Of two leaders the one of the later term leads. The other one has not heard of it.
	require.Equal(t, "1 [,) 3.1 led by 3 in 6, 103 bytes: 1 ok, 2 ok, 3 ok",
		together(nil, says(1, whole, leads, 5, 9), says(2, whole, follows, 6, 10), says(3, whole, leads, 6, 9)))

	// The store of the leader does not answer: what followers believe is over.
	require.Equal(t, "1 [,) 3.1 led by 0 in 5, 103 bytes: 1 down, 2 ok, 3 ok",
		together(nil, says(2, whole, follows, 5, 10), says(3, whole, follows, 5, 9)))

	// Peers that are not there yet, are being made, or are far behind.
	installing := says(2, whole, follows, 5, 0)
	installing.status.InstallingSnapshot = true
	require.Equal(t, "1 [,) 3.1 led by 1 in 5, 101 bytes: 1 ok, 2 installing, 3 new",
		together(nil, says(1, whole, leads, 5, 9000), installing, report{3, nil}))
	require.Equal(t, "1 [,) 3.1 led by 1 in 5, 101 bytes: 1 ok, 2 behind, 3 ok",
		together(nil, says(1, whole, leads, 5, 9000), says(2, whole, follows, 5, 6999), says(3, whole, follows, 5, 7000)))
	// A peer that was replaced is not the one of the region, and one without data does
	// not know its region.
	old := says(3, whole, follows, 5, 9)
	old.status.PeerId = 7
	empty := says(2, &metapb.Region{Id: 1}, follows, 0, 0)
	require.Equal(t, "1 [,) 3.1 led by 1 in 5, 101 bytes: 1 ok, 2 new, 3 new", together(nil, says(1, whole, leads, 5, 9), old, empty))

	// The newest epoch counts, whoever reports it.
	require.Equal(t, "1 [,) 4.1 led by 1 in 5, 101 bytes: 1 ok, 2 ok, 4 down",
		together(nil, says(1, whole, leads, 5, 9), says(2, region(1, "", "", 1, 4, 1, 2, 4), follows, 5, 10)))
}

// Stores answer at moments of their own, so one may not know of a split yet.
func TestRegionsThatSplit(t *testing.T) {
	whole, left, right := region(1, "", "", 1, 3, 1, 2, 3), region(1, "", "m", 2, 3, 1, 2, 3), region(9, "m", "", 2, 3, 1, 2, 3)
	split := "1 [,6d) 3.2 led by 1 in 5, 101 bytes: 1 ok, 2 ok, 3 ok\n9 [6d,) 3.2 led by 1 in 6, 901 bytes: 1 ok, 2 new, 3 new"
	require.Equal(t, split, together(nil, says(1, left, leads, 5, 9), says(1, right, leads, 6, 9), says(2, whole, follows, 5, 8), says(3, whole, follows, 5, 8)))

	// A part of a part is known, and the whole is known to a store that lags: the parts
	// stay, and a gap.
	part := region(12, "t", "", 3, 3, 1)
	require.Equal(t, "12 [74,) 3.3 led by 1 in 5, 1201 bytes: 1 ok", together(nil, says(1, part, leads, 5, 9), says(2, whole, follows, 5, 9)))
	require.Equal(t, "12 [74,) 3.3 led by 1 in 5, 1201 bytes: 1 ok", together([]*metapb.Region{right}, says(1, part, leads, 5, 9)))
}

// Of regions of which no store says anything, the scheduler knows.
func TestRegionsOfTheScheduler(t *testing.T) {
	left, right := region(1, "", "m", 2, 3, 1), region(9, "m", "", 2, 3, 2)
	require.Equal(t, "1 [,6d) 3.2 led by 1 in 5, 101 bytes: 1 ok\n9 [6d,) 3.2 led by 0 in 0, 0 bytes: 2 down",
		together([]*metapb.Region{left, right}, says(1, left, leads, 5, 9)))
	require.Equal(t, "", together(nil))
}
