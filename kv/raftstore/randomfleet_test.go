package raftstore_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/raft"
)

var (
	firstFleet = flag.Uint64("firstfleet", 1, "the `seed` of the first fleet of TestRandomFleets")
	fleets     = flag.Uint64("fleets", 120, "`number` of fleets of TestRandomFleets")
)

// TestRandomFleets lets fleets of five stores live through whatever their seeds say: regions
// that split, move and change their leaders, clients, messages that are lost, late,
// repeated and overtaken, power cuts, full disks, and stores that are cut off. In the end all
// must be well: every key is in one region, every member has its data, and nothing else
// is left.
func TestRandomFleets(t *testing.T) {
	for seed := *firstFleet; seed < *firstFleet+*fleets; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newRandomFleet(t, seed).run() })
	}
}

// A randomFleet is a fleet with a life of its own.
type randomFleet struct {
	*fleet
	rng *rand.Rand

	lastID  uint64 // of a region or a peer
	regions []uint64

	// keys are what clients know of the keys that they have written.
	keys  map[string]*knownKey
	names []string // of the keys, in their order

	// known are the regions as the scheduler knows them.
	known map[uint64]*metapb.Region
	// calls are messages to and from the scheduler that are under way.
	calls []func()

	// applied is what was applied at (region, index), and leaders the peers that led
	// (region, term).
	applied map[[2]uint64]*eraftpb.Entry
	leaders map[[2]uint64]uint64
}

// A knownKey is what clients know of a key. Each is put once, and deleted once at most.
type knownKey struct{ mayExist, mayLack, deleted bool }

func newRandomFleet(t *testing.T, seed uint64) *randomFleet {
	r := &randomFleet{
		rng: rand.New(rand.NewPCG(seed, 3)), lastID: 100, regions: []uint64{1},
		keys: map[string]*knownKey{}, known: map[uint64]*metapb.Region{},
		applied: map[[2]uint64]*eraftpb.Entry{}, leaders: map[[2]uint64]uint64{},
	}
	c := fleetConfig{
		stores: 5, members: [][]uint64{{1}, {1, 2}, {1, 2, 3}, {1, 2, 3, 4, 5}}[r.rng.IntN(4)],
		maxLog:    []uint64{2, 10, unlimited}[r.rng.IntN(3)],
		scheduler: func(store uint64) raftstore.Scheduler { return &randomScheduler{r, store} },
	}
	if r.rng.IntN(2) == 0 {
		c.splitSize = 100
	}
	r.fleet = newFleet(t, c)
	for _, s := range r.servers {
		s.observe = r.watch
	}
	return r
}

// A randomScheduler is the scheduler as one store sees it: it knows what it was told, and
// what it is told and says takes its time, and may be lost.
type randomScheduler struct {
	r     *randomFleet
	store uint64
}

func (c *randomScheduler) call(f func()) {
	if len(c.r.calls) < 100 {
		c.r.calls = append(c.r.calls, f)
	}
}

// answer lets a store hear something, later.
func (c *randomScheduler) answer(f func(s *server)) {
	c.call(func() {
		if s := c.r.at(c.store); !s.life.over {
			f(s)
		}
	})
}

func (c *randomScheduler) RegionHeartbeat(h *schedulerpb.RegionHeartbeatRequest) {
	c.call(func() {
		old, now := c.r.known[h.Region.Id].GetRegionEpoch(), h.Region.RegionEpoch
		if now.ConfVer >= old.GetConfVer() && now.Version >= old.GetVersion() {
			c.r.known[h.Region.Id] = h.Region
		}
	})
}

func (c *randomScheduler) StoreHeartbeat(*schedulerpb.StoreStats) {}

func (c *randomScheduler) AskSplit(a *schedulerpb.AskSplitRequest) {
	c.call(func() {
		ids := &schedulerpb.AskSplitResponse{NewRegionId: c.r.newRegion()}
		for range a.Region.Peers {
			ids.NewPeerIds = append(ids.NewPeerIds, c.r.newID())
		}
		c.answer(func(s *server) { s.SplitIDs(a.Region, ids) })
	})
}

func (c *randomScheduler) FindRegion(id uint64) {
	c.call(func() {
		if known := c.r.known[id]; known != nil {
			c.answer(func(s *server) { s.Found(known) })
		}
	})
}

func (r *randomFleet) newID() uint64 { r.lastID++; return r.lastID }

func (r *randomFleet) newRegion() uint64 {
	id := r.newID()
	r.regions = append(r.regions, id)
	return id
}

// watch requires that all peers of a region apply the same entries.
func (r *randomFleet) watch(regionID uint64, entries []*eraftpb.Entry) {
	for _, e := range entries {
		at := [2]uint64{regionID, e.Index}
		if before := r.applied[at]; before == nil {
			r.applied[at] = e
		} else if before.Term != e.Term || string(before.Data) != string(e.Data) {
			r.t.Fatalf("two peers of region %d apply different entries at index %d", regionID, e.Index)
		}
	}
}

// oneLeader requires that no two peers lead a region in one term.
func (r *randomFleet) oneLeader(s *server) {
	for _, id := range s.Peers() {
		st, _ := s.Status(id)
		if st.RaftState != raft.StateLeader || st.Leaving {
			continue
		}
		at := [2]uint64{id, st.Term}
		if before := r.leaders[at]; before != 0 && before != st.PeerID {
			r.t.Fatalf("peers %d and %d both lead region %d in term %d", before, st.PeerID, id, st.Term)
		}
		r.leaders[at] = st.PeerID
	}
}

// one reports true once in n times.
func (r *randomFleet) one(n int) bool { return r.rng.IntN(n) == 0 }

func (r *randomFleet) store() *server { return r.servers[r.rng.IntN(len(r.servers))] }

func (r *randomFleet) run() {
	lossy, crashy, slow := r.one(2), r.one(2), r.one(3)
	for range 600 {
		s := r.store()
		switch n := r.rng.IntN(100); {
		case n < 25:
			for _, s := range r.servers {
				if !s.life.over && !r.one(10) {
					s.unlessOver(s.Tick)
				}
			}
		case n < 65:
			for range r.rng.IntN(30) {
				r.move(lossy)
			}
		case n < 72 && len(r.calls) > 0:
			i := r.rng.IntN(len(r.calls))
			call := r.calls[i]
			r.calls = slices.Delete(r.calls, i, i+1)
			if !r.one(5) {
				call()
			}
		case n < 80:
			r.change(s)
		case n < 92:
			r.client(s)
		case n < 94 && lossy:
			r.cut[s.id] = !r.cut[s.id]
		case n < 96 && crashy:
			if s.life.over || r.one(2) {
				break
			}
			cut := powerCut{
				point: []memory.FaultKind{memory.CrashBefore, memory.CrashUnacknowledged, memory.CrashAfter}[r.rng.IntN(3)],
				log:   r.rng.IntN(4), data: []int{0, 1, 3, memory.All}[r.rng.IntN(4)], files: r.one(2),
			}
			if r.one(2) {
				s.lose(&cut, nil)
			} else {
				cut.at = 1 + r.rng.IntN(20)
				s.cutAt(&cut)
			}
		case n < 97 && crashy:
			s.refusal = &refusal{at: s.writes + 1 + r.rng.IntN(5), times: 1 + r.rng.IntN(5)}
			s.full = true
		case n < 98 && slow:
			s.hold = !s.hold
		}
		for _, s := range r.servers {
			if s.life.over && r.one(4) {
				s.hold, s.refusal, s.full = false, nil, false
				s.restart()
			}
			if !r.one(3) {
				s.work()
			}
			if !s.life.over {
				r.oneLeader(s)
			}
		}
	}
	r.end()
}

// move lets something happen to one of the oldest messages under way.
func (r *randomFleet) move(lossy bool) {
	if len(r.wire) == 0 {
		return
	}
	i := r.rng.IntN(min(len(r.wire), 5))
	m := r.wire[i]
	if !lossy || !r.one(10) {
		r.wire = slices.Delete(r.wire, i, i+1)
	}
	if r.cut[m.FromPeer.StoreId] || r.cut[m.ToPeer.StoreId] || lossy && r.one(10) {
		r.loses = func(*raftserverpb.RaftMessage) bool { return true }
	}
	r.deliver(m)
	r.loses = nil
	if to := r.at(m.ToPeer.StoreId); r.one(2) {
		to.work()
	}
}

// change asks for a change of a region, of a peer on s that may lead it or not.
func (r *randomFleet) change(s *server) {
	if s.life.over {
		return
	}
	ids := s.Peers()
	if len(ids) == 0 {
		return
	}
	id := ids[r.rng.IntN(len(ids))]
	if leader := r.leader(id); leader != nil && !r.one(5) {
		s = leader
	}
	st, _ := s.Status(id)
	if st.Region.GetRegionEpoch() == nil || len(st.Region.Peers) == 0 {
		return
	}
	member := st.Region.Peers[r.rng.IntN(len(st.Region.Peers))]
	var set func(*raftstore.Admin)
	switch n := r.rng.IntN(10); {
	case n < 3 && len(r.regions) < 12:
		var peers []uint64
		for range st.Region.Peers {
			peers = append(peers, r.newID())
		}
		set = splits(r.key(), r.newRegion(), peers...)
	case n < 6:
		set = adds(r.newID(), r.store().id)
	case n < 9:
		set = removes(member.Id, member.StoreId)
	default:
		set = transfers(member.Id, member.StoreId)
	}
	r.ask(s, st.Region, set)
}

func (r *randomFleet) key() string {
	return fmt.Sprintf("%c%03d", 'a'+rune(r.rng.IntN(26)), r.rng.IntN(1000))
}

// client lets a client write or read something.
func (r *randomFleet) client(s *server) {
	if s.life.over {
		return
	}
	var key string
	what := r.rng.IntN(4)
	if what < 2 || len(r.names) == 0 {
		what, key = 0, r.key()
		if r.keys[key] != nil {
			return
		}
	} else {
		key = r.names[r.rng.IntN(len(r.names))]
	}
	id, of := uint64(0), (*metapb.Region)(nil)
	for _, i := range s.Peers() {
		if st, _ := s.Status(i); st.Region.GetRegionEpoch() != nil && region.Range(st.Region).Contains([]byte(key)) {
			id, of = i, st.Region
		}
	}
	if leader := r.leader(id); leader != nil && !r.one(5) {
		s = leader
	}
	if of == nil {
		return
	}
	l, rc := s.life, &kvrpcpb.Context{RegionId: id, RegionEpoch: of.RegionEpoch}
	switch what {
	case 0: // put
		known := &knownKey{mayExist: true, mayLack: true}
		r.keys[key] = known
		r.names = append(r.names, key)
		s.ask(rc, []engine.Op{set(engine.CFDefault, key, "v-"+key)}, func(res result) {
			switch {
			case l.over:
			case res.err == nil && !known.deleted:
				known.mayLack = false
			case res.err != nil && !errors.Is(res.err, storage.ErrOutcomeUnknown):
				known.mayExist = false
			}
		})
	case 2: // delete
		known := r.keys[key]
		if known.deleted || known.mayLack {
			return
		}
		known.deleted, known.mayLack = true, true
		s.ask(rc, []engine.Op{{CF: engine.CFDefault, Key: []byte(key), Delete: true}}, func(res result) {
			switch {
			case l.over:
			case res.err == nil:
				known.mayExist = false
			case !errors.Is(res.err, storage.ErrOutcomeUnknown):
				known.mayLack = false
			}
		})
	default: // read
		before := *r.keys[key]
		s.ask(rc, nil, func(res result) {
			if l.over || res.err != nil {
				return
			}
			r.found(key, before, *r.keys[key], res.view)
		})
	}
}

// found requires of a view that it shows what it must of a key, given what was known when
// the read was submitted, and when it was served.
func (r *randomFleet) found(key string, before, after knownKey, view engine.Snapshot) {
	value, found, err := view.Get(engine.CFDefault, []byte(key))
	require.NoError(r.t, err, "reading")
	require.NoError(r.t, view.Close(), "closing a view")
	switch {
	case found && (string(value) != "v-"+key || !before.mayExist):
		r.t.Fatalf("a read finds %q under key %q, which does not have it", value, key)
	case !found && !before.mayLack && !after.deleted:
		r.t.Fatalf("a read does not find key %q, whose write was acknowledged", key)
	}
}

// end heals everything, and requires that all is well.
func (r *randomFleet) end() {
	r.t.Helper()
	clear(r.cut)
	for _, s := range r.servers {
		s.cutAt(nil)
		s.refusal, s.hold = nil, false
		if s.life.over {
			s.restart()
		}
	}
	r.ticks(100) // the first of them repeats what found no room
	for _, s := range r.servers {
		s.full = false
	}
	for range 60 {
		r.listen()
		r.ticks(10)
	}
	for _, key := range slices.Sorted(maps.Keys(r.keys)) {
		known := r.keys[key]
		view := r.request(fmt.Sprintf("a read of key %q", key), key).view
		_, found, err := view.Get(engine.CFDefault, []byte(key))
		require.NoError(r.t, err, "reading")
		r.found(key, *known, *known, view)
		if found {
			r.want["default/"+key] = "v-" + key
		}
	}
	var ids []uint64
	for _, id := range r.regions {
		if r.leader(id) != nil {
			ids = append(ids, id)
		}
	}
	r.settled(ids...)
	changes := 0
	for _, id := range ids {
		changes += int(r.region(id).RegionEpoch.ConfVer) - 1
	}
	r.t.Logf("%d regions, %d membership changes, %d keys", len(ids), changes, len(r.want))
	for _, s := range r.servers {
		s.restart()
	}
	r.settled(ids...)
	r.close()
}

// listen lets the scheduler hear and answer everything.
func (r *randomFleet) listen() {
	for len(r.calls) > 0 {
		call := r.calls[0]
		r.calls = r.calls[1:]
		call()
		r.settle()
	}
}
