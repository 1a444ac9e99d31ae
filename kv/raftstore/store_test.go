package raftstore_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A cluster is a group whose clocks go together. Chance decides when a store
// campaigns, and what a crash takes.
type cluster struct {
	*group
	rng *rand.Rand
}

func newCluster(t *testing.T, seed, n uint64) *cluster {
	rng := rand.New(rand.NewPCG(seed, 0))
	region := regionOf(n, "", "")
	for _, p := range region.Peers {
		p.Id += 100 // differs from the id of its store
	}
	return &cluster{newGroupOf(t, n, serverConfig{region: region, maxLog: 20, randIntN: rng.IntN}), rng}
}

// crash ends a store at once; its disks lose some of what was not synced.
func (c *cluster) crash(s *server) {
	s.lose(&powerCut{log: c.rng.IntN(s.log.Unsynced() + 1), data: c.rng.IntN(s.data.Unsynced() + 1), files: c.rng.IntN(2) == 0}, nil)
	s.Close() // after the crash, so that nothing of it reaches the disks
}

func (c *cluster) tick(n int) {
	for range n {
		for _, s := range c.servers {
			s.Tick()
		}
		c.settle()
	}
}

// put writes a value on a store, which leads.
func (c *cluster) put(id uint64, key, value string) {
	c.t.Helper()
	c.do(id, "a put", set(engine.CFDefault, key, value)).isDone()
}

// leader returns a store that has just served a read, and lets time pass until
// there is one.
func (c *cluster) leader() uint64 {
	for range 200 {
		for _, s := range c.servers {
			if s.life.over {
				continue
			}
			if a := c.do(s.id, "a read"); len(a.results) > 0 && a.results[0].err == nil {
				a.reads()
				return s.id
			}
		}
		c.tick(1)
	}
	c.t.Fatal("no leader after 200 ticks")
	return 0
}

// follower returns a store that does not lead.
func (c *cluster) follower(leader uint64) *server {
	return c.at(leader%uint64(len(c.servers)) + 1)
}

func TestWritesReachEveryStore(t *testing.T) {
	c := newCluster(t, 1, 3)
	leader := c.leader()
	want := content{}
	for i := range 10 {
		k, v := fmt.Sprintf("k%d", i), fmt.Sprintf("v%d", i)
		c.put(leader, k, v)
		want["default/"+k] = v
	}
	c.tick(5)
	for _, s := range c.servers {
		require.Equal(t, want, s.content(), "store %d", s.id)
	}
}

// In spite of crashes, lost messages, compacted logs and snapshots, what was
// acknowledged stays, what was refused never shows up, and in the end all
// stores agree.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	snapshots := 0
	for seed := range uint64(200) {
		c := newCluster(t, seed, 3)
		loss := c.rng.Float64() * 0.3
		c.loses = func(m *raftserverpb.RaftMessage) bool {
			if m.Message.Snapshot != nil {
				snapshots++
			}
			return c.rng.Float64() < loss
		}
		acknowledged, refused, unanswered := map[string]bool{}, map[string]bool{}, 0
		for i := range 200 {
			down := 0
			for _, s := range c.servers {
				if s.life.over {
					down++
				}
			}
			s := c.servers[c.rng.IntN(len(c.servers))]
			switch r := c.rng.IntN(10); {
			case s.life.over && r < 5:
				s.restart()
			case !s.life.over && r == 0 && down == 0:
				c.crash(s)
			case !s.life.over:
				key := fmt.Sprintf("%03d", i)
				unanswered++
				s.ask(s.context(), []engine.Op{set(engine.CFDefault, key, "x")}, func(r result) {
					unanswered--
					switch {
					case r.err == nil:
						acknowledged[key] = true
					case r.err != storage.ErrOutcomeUnknown:
						refused[key] = true
					}
				})
			}
			if c.rng.IntN(3) > 0 {
				c.settle()
			}
			if c.rng.IntN(2) == 0 {
				c.tick(c.rng.IntN(4))
			}
		}
		loss = 0
		for _, s := range c.servers {
			if s.life.over {
				s.restart()
			}
		}
		leader := c.leader()
		c.put(leader, "last", "x")
		c.tick(20)
		content := c.at(leader).content()
		for key := range acknowledged {
			require.Contains(t, content, "default/"+key, "seed %d: acknowledged", seed)
		}
		for key := range refused {
			require.NotContains(t, content, "default/"+key, "seed %d: refused", seed)
		}
		for _, s := range c.servers {
			require.Equal(t, content, s.content(), "seed %d: store %d", seed, s.id)
		}
		require.Zero(t, unanswered, "seed %d: requests without an answer", seed)
		require.NotEmpty(t, acknowledged, "seed %d", seed)
	}
	require.NotZero(t, snapshots)
}

// Open refuses a region state that is damaged.
func TestCorruptStates(t *testing.T) {
	for name, value := range map[string][]byte{
		"nothing":           {},
		"no message":        []byte("nonsense"),
		"no region":         encode(t, &raftserverpb.RegionState{AppliedIndex: 5}),
		"the region of two": encode(t, &raftserverpb.RegionState{Region: &metapb.Region{Id: 2, RegionEpoch: &metapb.RegionEpoch{}}}),
		"no epoch":          encode(t, &raftserverpb.RegionState{Region: &metapb.Region{Id: 1}}),
	} {
		t.Run(name, func(t *testing.T) {
			s := newCluster(t, 1, 1).at(1)
			var b engine.Batch
			b.Put("meta", binary.BigEndian.AppendUint64([]byte{2}, 1), value)
			require.NoError(t, s.kv.Write(&b, true))
			s.lose(&powerCut{}, nil)
			_, err := raftstore.Open(s.boot())
			require.ErrorContains(t, err, "the state of a region, record 020000000000000001, is corrupt")
		})
	}
}

// A store that has failed says why, also after it was closed, and a second Close
// does nothing: each request is answered once.
func TestCloseAfterFailure(t *testing.T) {
	g := newGroup(t, 3, "", "")
	g.elect(1)
	s := g.at(1)
	g.isolate(1)
	waits := []*answer{g.do(1, "a put to a leader that is cut off", set(engine.CFDefault, "k", "1")), g.do(1, "a read from a leader that is cut off")}
	s.mayGiveUp = true
	s.log.Inject(func(memory.Write) memory.Fault { return memory.Fault{Kind: memory.FailSync} })
	waits = append(waits, s.submit("a put that finds the disk broken", set(engine.CFDefault, "k", "2")))
	s.work()
	failure := s.Err()
	require.ErrorContains(t, failure, "cannot write")
	for range 2 {
		s.Close()
		require.Equal(t, failure, s.Err())
		for _, a := range waits {
			require.Len(t, a.results, 1, a.request)
			require.Error(t, a.results[0].err, a.request)
		}
	}
	require.Equal(t, storage.ErrNotRunning, s.submit("a put to a store that is closed", set(engine.CFDefault, "k", "3")).result().err)
}

func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	require.NoError(t, err)
	return b
}
