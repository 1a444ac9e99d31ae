package scheduler_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// A world is a cluster of model regions around a real scheduler. A region has a
// description, a leader and members that catch up; there is no Raft and no data.
// Regions send heartbeats, carry out the orders that fit their epochs, and split
// now and then. Messages get lost, and come late, as the seed has it.
type world struct {
	*machine
	d       *dice.Drawer
	regions []*model
	mail    []letter
	dead    map[uint64]bool // stores
	loss    float64
	crashes float64 // of the scheduler, per round
	splits  bool
	ids     map[uint64]string // what each id that was handed out is for
	orders  int
	stores  int
	status  *scheduler.Status // at the end of the last round
}

// A model is one region of a world.
type model struct {
	meta   *metapb.Region
	leader uint64         // the peer's id
	behind map[uint64]int // rounds until a new peer has caught up, by its id
	size   uint64
	term   uint64
}

// A letter is a heartbeat, or an order, on its way.
type letter struct {
	due   int
	beat  *schedulerpb.RegionHeartbeatRequest
	order *schedulerpb.RegionHeartbeatResponse
}

// newWorld makes a cluster with regions, whose peers are on the stores that place
// says, led by the first.
func newWorld(t testing.TB, seed uint64, stores, regions int, o scheduler.Options, place func(i int) []uint64) *world {
	m := cluster(t, stores, o)
	w := &world{machine: m, d: dice.NewDrawer(dice.Dice(seed), 1, 0), dead: map[uint64]bool{}, ids: map[uint64]string{}, stores: stores}
	w.status = w.Status()
	for i := range regions {
		start, end := fmt.Sprintf("%04d", i), fmt.Sprintf("%04d", i+1)
		if i == 0 {
			start = ""
		}
		if i == regions-1 {
			end = ""
		}
		r := reg(uint64(i+10), start, end, 1, 1, place(i)...)
		w.regions = append(w.regions, &model{meta: r, leader: r.Peers[0].Id, behind: map[uint64]int{}, size: 100, term: 1})
	}
	return w
}

// alive returns the members of r whose stores run.
func (w *world) alive(r *model) []*metapb.Peer {
	return slices.DeleteFunc(slices.Clone(r.meta.Peers), func(p *metapb.Peer) bool { return w.dead[p.StoreId] })
}

// round is a second in the life of a world.
func (w *world) round(now int) {
	for _, r := range slices.Clone(w.regions) {
		alive := w.alive(r)
		if len(alive) <= len(r.meta.Peers)/2 {
			continue // no quorum
		}
		for id, left := range r.behind {
			if r.behind[id] = left - 1; left <= 1 || region.Peer(r.meta, id) == nil {
				delete(r.behind, id)
			}
		}
		// A leader that is dead or was removed has a successor that has caught up.
		lead := region.Peer(r.meta, r.leader)
		if lead == nil || w.dead[lead.StoreId] {
			for _, p := range alive {
				if r.behind[p.Id] == 0 {
					r.leader, r.term = p.Id, r.term+1
					break
				}
			}
		}
		if w.splits && w.d.Chance(0.01) {
			w.split(r)
		}
		if (now+int(r.meta.Id))%3 == 0 {
			w.post(letter{due: now + w.d.Between(0, 2), beat: w.heartbeat(r)})
		}
	}
	// A letter that comes late may overtake others.
	mail := w.mail
	w.mail = nil
	for _, l := range mail {
		switch {
		case l.due > now:
			w.mail = append(w.mail, l)
		case l.beat != nil:
			if order := w.RegionHeartbeat(l.beat); order != nil && order.Header.Error == nil {
				w.post(letter{due: now + w.d.Between(0, 2), order: order})
			}
		default:
			w.carryOut(l.order)
		}
	}
	if w.d.Chance(w.crashes) {
		w.crash()
	}
	for id := uint64(1); id <= uint64(w.stores); id++ {
		w.silent[id] = w.dead[id] || w.d.Chance(w.loss)
	}
	w.pass(time.Second)
	w.status = w.Status()
	w.watch()
}

// post sends a letter, which may get lost or come twice.
func (w *world) post(l letter) {
	if w.d.Chance(w.loss) {
		return
	}
	w.mail = append(w.mail, l)
	if w.d.Chance(w.loss / 2) {
		l.due += w.d.Between(1, 20)
		w.mail = append(w.mail, l)
	}
}

func (w *world) heartbeat(r *model) *schedulerpb.RegionHeartbeatRequest {
	req := sized(proto.Clone(r.meta).(*metapb.Region), r.size)
	req.Leader, req.Term = region.Peer(req.Region, r.leader), r.term
	for _, p := range req.Region.Peers {
		if r.behind[p.Id] > 0 {
			req.PendingPeers = append(req.PendingPeers, p)
		}
	}
	return req
}

// split does what a store does: it asks for ids, and divides the region.
func (w *world) split(r *model) {
	at := string(r.meta.StartKey) + "5"
	if len(r.meta.EndKey) > 0 && at >= string(r.meta.EndKey) || r.size < 2 {
		return
	}
	ids, err := w.AskSplit(ctx, &schedulerpb.AskSplitRequest{Header: header, Region: r.meta})
	if w.header(ids, err).Error != nil {
		return // the scheduler does not know the region yet
	}
	for _, id := range append(ids.NewPeerIds, ids.NewRegionId) {
		w.once(id, fmt.Sprintf("the split of region %d at version %d", r.meta.Id, r.meta.RegionEpoch.Version))
	}
	right := proto.Clone(r.meta).(*metapb.Region)
	right.Id, right.StartKey = ids.NewRegionId, []byte(at)
	n := &model{meta: right, behind: map[uint64]int{}, size: r.size / 2, term: 1}
	for i, p := range right.Peers {
		if p.Id == r.leader {
			n.leader = ids.NewPeerIds[i]
		}
		p.Id = ids.NewPeerIds[i]
	}
	right.RegionEpoch.Version++
	left := proto.Clone(r.meta).(*metapb.Region)
	left.EndKey = right.StartKey
	left.RegionEpoch.Version++
	r.meta, r.size = left, r.size-n.size
	w.regions = append(w.regions, n)
}

// carryOut does what a leader does with an order: nothing, if it is for another
// epoch or another leader.
func (w *world) carryOut(o *schedulerpb.RegionHeartbeatResponse) {
	i := slices.IndexFunc(w.regions, func(r *model) bool { return r.meta.Id == o.RegionId })
	r := w.regions[i]
	lead := region.Peer(r.meta, r.leader)
	if !proto.Equal(o.RegionEpoch, r.meta.RegionEpoch) || o.TargetPeer.Id != r.leader || lead == nil || w.dead[lead.StoreId] {
		return
	}
	alive, n := len(w.alive(r)), len(r.meta.Peers)
	require.Greater(w.t, alive, n/2, "an order to a region without a quorum")
	w.orders++
	next := proto.Clone(r.meta).(*metapb.Region)
	switch change := o.ChangePeer; {
	case o.TransferLeader != nil:
		to := region.Peer(r.meta, o.TransferLeader.Peer.Id)
		require.NotNil(w.t, to, "the new leader is a member")
		if !w.dead[to.StoreId] && r.behind[to.Id] == 0 {
			r.leader, r.term = to.Id, r.term+1
		}
		return
	case change.ChangeType == eraftpb.ConfChangeType_AddNode:
		require.Nil(w.t, region.PeerOn(r.meta, change.Peer.StoreId), "two peers of region %d on store %d", r.meta.Id, change.Peer.StoreId)
		w.once(change.Peer.Id, fmt.Sprintf("region %d on store %d", r.meta.Id, change.Peer.StoreId))
		next.Peers = append(next.Peers, change.Peer)
		r.behind[change.Peer.Id] = w.d.Between(1, 10)
	default:
		require.NotEqual(w.t, r.leader, change.Peer.Id, "a leader is not asked to remove itself")
		require.Greater(w.t, n, 1, "the last peer")
		next.Peers = slices.DeleteFunc(next.Peers, func(p *metapb.Peer) bool { return p.Id == change.Peer.Id })
		require.Len(w.t, next.Peers, n-1, "the peer was a member")
		left := len(slices.DeleteFunc(slices.Clone(next.Peers), func(p *metapb.Peer) bool { return w.dead[p.StoreId] }))
		require.Greater(w.t, left, len(next.Peers)/2, "region %d loses its quorum", r.meta.Id)
	}
	next.RegionEpoch.ConfVer++
	r.meta = next
}

// once requires that an id is not used for two things.
func (w *world) once(id uint64, what string) {
	if was := w.ids[id]; id < 10_000 || was != "" {
		w.t.Fatalf("id %d, which is for %s, is also for %s", id, was, what)
	}
	w.ids[id] = what
}

// watch checks what always holds of a scheduler.
func (w *world) watch() {
	s := w.status
	var end *metapb.Region
	for _, r := range s.Regions {
		if end != nil && (len(end.EndKey) == 0 || string(end.EndKey) > string(r.Region.StartKey)) {
			w.t.Fatalf("region %d overlaps region %d", end.Id, r.Region.Id)
		}
		end = r.Region
	}
	incoming := map[uint64]int{}
	seen := map[uint64]bool{}
	kinds := map[string]int{}
	for _, o := range s.Operators {
		require.False(w.t, seen[o.RegionId], "two operators of region %d", o.RegionId)
		seen[o.RegionId] = true
		kinds[o.Kind]++
		for _, step := range o.Steps[o.Done:] {
			for _, store := range s.Stores {
				if !strings.HasPrefix(step, "remove") && strings.HasSuffix(step, fmt.Sprintf("on store %d", store.ID)) {
					incoming[store.ID]++
				}
			}
		}
	}
	for _, store := range s.Stores {
		require.LessOrEqual(w.t, store.Incoming, w.options.StoreLimit)
		require.LessOrEqual(w.t, store.Incoming, incoming[store.ID])
	}
	require.LessOrEqual(w.t, kinds["balance-region"], w.options.RegionLimit)
	require.LessOrEqual(w.t, kinds["balance-leader"], w.options.LeaderLimit)
	require.LessOrEqual(w.t, kinds["replica"], w.options.RepairLimit)
}

// spread returns how many peers, and how many leaders, the fullest store in
// service has more than the emptiest one.
func (w *world) spread() (size, leaders int) {
	sizes, leads := map[uint64]int{}, map[uint64]int{}
	for _, s := range w.status.Stores {
		if s.State == "up" {
			sizes[s.ID], leads[s.ID] = 0, 0
		}
	}
	for _, r := range w.regions {
		for _, p := range r.meta.Peers {
			sizes[p.StoreId] += int(r.size)
			if p.Id == r.leader {
				leads[p.StoreId]++
			}
		}
	}
	diff := func(m map[uint64]int) int {
		all := slices.Sorted(maps.Values(m))
		return all[len(all)-1] - all[0]
	}
	return diff(sizes), diff(leads)
}

// complete requires that every region has three peers on stores that work.
func (w *world) complete() bool {
	return !slices.ContainsFunc(w.regions, func(r *model) bool {
		return len(r.meta.Peers) != 3 || len(w.alive(r)) != 3 || len(r.behind) > 0
	})
}

// quiet reports whether the scheduler has nothing to do.
func (w *world) quiet() bool { return len(w.status.Operators) == 0 }

var worldOptions = scheduler.Options{
	StoreDisconnectTime: 20 * time.Second,
	MaxStoreDownTime:    60 * time.Second,
	PeerTimeout:         3 * time.Minute,
	LeaderTimeout:       30 * time.Second,
	StoreLimit:          3,
	RegionLimit:         6,
	LeaderLimit:         6,
	RepairLimit:         12,
	History:             10,
}

// A cluster whose regions are all on three of five stores becomes balanced, though
// messages get lost and come late and the scheduler crashes, and then nothing moves.
func TestWorldBecomesBalanced(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := newWorld(t, seed, 5, 50, worldOptions, func(int) []uint64 { return []uint64{1, 2, 3} })
			w.loss = float64(seed%4) * 0.1
			w.crashes = float64(seed%3) * 0.01
			size, leaders := w.spread()
			require.Equal(t, 5000, size)
			require.Equal(t, 50, leaders)
			rounds := 0
			for now := 0; ; now++ {
				require.Less(t, now, 3000, "the cluster does not become balanced: %v", w.Status().Stores)
				w.round(now)
				size, leaders = w.spread()
				if size <= 200 && leaders <= 2 && w.complete() && w.quiet() {
					rounds++
				} else {
					rounds = 0
				}
				if rounds == 100 { // longer than any region rests
					break
				}
			}
			was := w.orders
			w.mail, w.crashes = nil, 0
			for now := 3000; now < 3100; now++ {
				w.round(now)
			}
			require.Equal(t, was, w.orders, "a balanced cluster is left alone")
		})
	}
}

// The peers of a store that dies are replaced, and the peers of a store that is taken
// offline move away, while regions split and messages get lost.
func TestWorldReplacesStores(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := newWorld(t, seed, 6, 50, worldOptions, func(i int) []uint64 {
				return []uint64{uint64(i%6) + 1, uint64((i+1)%6) + 1, uint64((i+3)%6) + 1}
			})
			w.loss = float64(seed%4) * 0.1
			w.splits = true
			w.crashes = float64(seed%3) * 0.003
			now := 0
			for ; now < 100; now++ {
				w.round(now)
			}
			w.dead[6] = true
			w.splits = false
			_, err := w.RemoveStore(ctx, &schedulerpb.RemoveStoreRequest{Header: header, StoreId: 5})
			require.NoError(t, err)
			for ; ; now++ {
				require.Less(t, now, 3000, "the regions do not recover")
				w.round(now)
				s := w.status
				if s.Stores[4].State == "tombstone" && w.complete() && w.quiet() {
					if w.crashes == 0 { // a restart forgets since when a store is silent
						require.Equal(t, "down", s.Stores[5].State)
					}
					break
				}
			}
			require.Greater(t, len(w.regions), 50, "regions have split")
			for _, r := range w.regions {
				require.Nil(t, region.PeerOn(r.meta, 5))
				require.Nil(t, region.PeerOn(r.meta, 6))
			}
		})
	}
}

// A cluster of which a majority is dead is left as it is.
func TestWorldWithoutMajority(t *testing.T) {
	w := newWorld(t, 1, 5, 20, worldOptions, func(int) []uint64 { return []uint64{1, 2, 3} })
	for now := range 10 {
		w.round(now)
	}
	w.dead[1], w.dead[2] = true, true
	for now := 10; now < 200; now++ {
		w.round(now)
	}
	for _, r := range w.Status().Regions {
		if region.PeerOn(r.Region, 1) != nil && region.PeerOn(r.Region, 2) != nil {
			require.True(t, r.Lost)
			require.Len(t, r.Down, 2)
		}
	}
	require.Empty(t, w.Status().Operators)
}
