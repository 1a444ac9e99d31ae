package scheduler_test

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
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
	if alive <= n/2 {
		w.t.Fatalf("region %d has %d members, of which %d are alive, and gets the order to %s", r.meta.Id, n, alive, order(o))
	}
	w.orders++
	next := proto.Clone(r.meta).(*metapb.Region)
	switch change := o.ChangePeer; {
	case o.TransferLeader != nil:
		to := region.Peer(r.meta, o.TransferLeader.Peer.Id)
		if to == nil {
			w.t.Fatalf("an order hands the leadership of region %d to peer %d, which is no member", r.meta.Id, o.TransferLeader.Peer.Id)
		}
		if !w.dead[to.StoreId] && r.behind[to.Id] == 0 {
			r.leader, r.term = to.Id, r.term+1
		}
		return
	case change.ChangeType == eraftpb.ConfChangeType_AddNode:
		if region.PeerOn(r.meta, change.Peer.StoreId) != nil {
			w.t.Fatalf("an order puts a second peer of region %d on store %d", r.meta.Id, change.Peer.StoreId)
		}
		w.once(change.Peer.Id, fmt.Sprintf("region %d on store %d", r.meta.Id, change.Peer.StoreId))
		next.Peers = append(next.Peers, change.Peer)
		r.behind[change.Peer.Id] = w.d.Between(1, 10)
	default:
		if r.leader == change.Peer.Id {
			w.t.Fatalf("the leader of region %d gets the order to remove itself", r.meta.Id)
		}
		if n == 1 {
			w.t.Fatalf("an order removes the last peer of region %d", r.meta.Id)
		}
		next.Peers = slices.DeleteFunc(next.Peers, func(p *metapb.Peer) bool { return p.Id == change.Peer.Id })
		if len(next.Peers) != n-1 {
			w.t.Fatalf("an order removes peer %d from region %d, of which it is no member", change.Peer.Id, r.meta.Id)
		}
		left := len(slices.DeleteFunc(slices.Clone(next.Peers), func(p *metapb.Peer) bool { return w.dead[p.StoreId] }))
		if left <= len(next.Peers)/2 {
			w.t.Fatalf("after the order to %s, region %d has %d members of which %d are alive", order(o), r.meta.Id, len(next.Peers), left)
		}
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
		if seen[o.RegionId] {
			w.t.Fatalf("region %d has two operators", o.RegionId)
		}
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
		if store.Incoming > w.options.StoreLimit || store.Incoming > incoming[store.ID] {
			w.t.Fatalf("%d operators are to bring store %d something, where StoreLimit is %d, and %d of their steps do", store.Incoming, store.ID, w.options.StoreLimit, incoming[store.ID])
		}
	}
	for _, of := range []struct {
		kind  string
		limit int
	}{{"balance-region", w.options.RegionLimit}, {"balance-leader", w.options.LeaderLimit}, {"replica", w.options.RepairLimit}} {
		if kinds[of.kind] > of.limit {
			w.t.Fatalf("%d operators of the kind %s are under way: the limit is %d", kinds[of.kind], of.kind, of.limit)
		}
	}
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
// messages get lost and come late, and then nothing moves any more.
func TestClusterBecomesBalanced3C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "a skewed cluster becomes balanced, though heartbeats and orders are lost, late or doubled, and is left alone then",
		Source: "package scheduler",
	}, 25, func(t *graded.T, seed uint64) uint64 {
		w := newWorld(t, seed, 5, 50, worldOptions, func(int) []uint64 { return []uint64{1, 2, 3} })
		w.loss = float64(seed%4) * 0.1
		w.crashes = float64(seed%3) * 0.01
		rounds := 0
		for now := 0; rounds < 100; now++ { // longer than any region rests
			if now == 3000 {
				size, leaders := w.spread()
				t.Fatalf("after 3000 s and %d orders, the fullest store has %d bytes and %d leaders more than the emptiest one, and %d operators are under way", w.orders, size, leaders, len(w.status.Operators))
			}
			w.round(now)
			if size, leaders := w.spread(); size <= 200 && leaders <= 2 && w.complete() && w.quiet() {
				rounds++
			} else {
				rounds = 0
			}
		}
		was := w.orders
		t.Logf("the cluster is balanced after %d orders", was)
		w.mail, w.crashes = nil, 0
		for now := 3000; now < 3100; now++ {
			w.round(now)
		}
		if w.orders > was {
			t.Fatalf("in a cluster that is balanced, %d more orders are carried out", w.orders-was)
		}
		return w.digest()
	})
}

// The peers of a store that dies are replaced, and the peers of a store that is taken
// offline move away, while regions split and messages get lost.
func TestStoresAreReplaced3C(t *testing.T) {
	graded.Seeds(t, graded.Claim{
		Text:   "the peers of a dead store are replaced, and those of an offline one move away, though heartbeats and orders are lost, late or doubled",
		Source: "package scheduler",
	}, 25, func(t *graded.T, seed uint64) uint64 {
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
		ok(t, w.removeStore(5))
		for ; w.status.Stores[4].State != "tombstone" || !w.complete() || !w.quiet(); now++ {
			if now == 3000 {
				t.Fatalf("store 6 is dead and store 5 was taken offline; 2900 s later, store 5 is %s and has %d peers, and %d operators are under way",
					w.status.Stores[4].State, w.status.Stores[4].Peers, len(w.status.Operators))
			}
			w.round(now)
		}
		for _, r := range w.regions {
			if region.PeerOn(r.meta, 5) != nil || region.PeerOn(r.meta, 6) != nil {
				t.Fatalf("store 6 is dead, store 5 a tombstone, and region %d has still a peer there", r.meta.Id)
			}
		}
		return w.digest()
	})
}

// A cluster of which a majority is dead is left as it is.
func TestRegionsWithoutQuorum3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a region without a quorum on connected stores is not touched",
		Source: "package scheduler, what always holds",
	}, func(t *graded.T) {
		w := newWorld(t, 1, 5, 20, worldOptions, func(int) []uint64 { return []uint64{1, 2, 3} })
		for now := range 10 {
			w.round(now)
		}
		w.dead[1], w.dead[2] = true, true
		for now := 10; now < 200; now++ {
			w.round(now)
		}
		for _, o := range w.status.Operators {
			t.Fatalf("stores 1 and 2 are dead, and region %d gets an operator: %s", o.RegionId, o.Desc)
		}
	})
}

// digest is a summary of all that has become of the regions.
func (w *world) digest() uint64 {
	h := fnv.New64a()
	for _, r := range w.regions {
		fmt.Fprintln(h, name(r.meta), r.leader, r.term)
	}
	return h.Sum64()
}
