package raftstore_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A cluster is some stores in one goroutine, with a network, disks and slow work
// that happen when the test says so.
type cluster struct {
	t      *testing.T
	rng    *rand.Rand
	region *metapb.Region
	stores map[uint64]*machine
	ids    []uint64

	messages []*raftserverpb.RaftMessage
	tasks    []func()
	// drops returns true for a message that is to be lost.
	drops func(m *raftserverpb.RaftMessage) bool
}

// A machine is what survives a crash of its store.
type machine struct {
	*raftstore.Store // nil while it is down
	cluster          *cluster
	id               uint64
	log, data        *memory.Disk
	files            memFiles
	logEngine        *memory.Engine
	dataEngine       *memory.Engine
}

func newCluster(t *testing.T, seed uint64, n int) *cluster {
	c := &cluster{
		t:      t,
		rng:    rand.New(rand.NewPCG(seed, 0)),
		region: &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}},
		stores: map[uint64]*machine{},
		drops:  func(*raftserverpb.RaftMessage) bool { return false },
	}
	for id := uint64(1); id <= uint64(n); id++ {
		c.ids = append(c.ids, id)
		c.region.Peers = append(c.region.Peers, &metapb.Peer{Id: 100 + id, StoreId: id})
	}
	for _, id := range c.ids {
		m := &machine{cluster: c, id: id, log: memory.NewDisk(), data: memory.NewDisk(), files: memFiles{}}
		c.stores[id] = m
		m.openEngines()
		require.NoError(t, raftstore.Bootstrap(m.config(), c.region))
		m.boot()
	}
	return c
}

func (m *machine) openEngines() {
	var err error
	m.logEngine, err = m.log.Open(raftstore.RaftFamilies...)
	require.NoError(m.cluster.t, err)
	m.dataEngine, err = m.data.Open(raftstore.KVFamilies...)
	require.NoError(m.cluster.t, err)
}

func (m *machine) config() *raftstore.Config {
	return &raftstore.Config{
		ClusterID: 7, StoreID: m.id,
		RaftEngine: m.logEngine, KVEngine: m.dataEngine,
		Files:          m.files,
		Transport:      link{m.cluster},
		Executor:       later{m.cluster},
		RandIntN:       func(_ uint64, n int) int { return m.cluster.rng.IntN(n) },
		ElectionTicks:  10,
		HeartbeatTicks: 2,
		MaxLogEntries:  20,
		Logger:         slog.New(slog.DiscardHandler),
	}
}

func (m *machine) boot() {
	var err error
	m.Store, err = raftstore.Open(*m.config())
	require.NoError(m.cluster.t, err)
}

// crash ends a store at once; its disks lose some of what was not synced.
func (c *cluster) crash(id uint64) {
	m := c.stores[id]
	for _, disk := range []*memory.Disk{m.log, m.data} {
		disk.Crash(c.rng.IntN(disk.Unsynced() + 1))
	}
	m.Store.Close() // after the crash: nothing of it reaches the disks
	m.Store = nil
}

func (c *cluster) restart(id uint64) {
	c.stores[id].openEngines()
	c.stores[id].boot()
}

// settle lets everything happen that can happen without the clock.
func (c *cluster) settle() {
	for busy := true; busy; {
		busy = false
		for _, id := range c.ids {
			if m := c.stores[id]; m.Store != nil {
				for m.Pass() {
					busy = true
				}
			}
		}
		messages, tasks := c.messages, c.tasks
		c.messages, c.tasks = nil, nil
		for _, message := range messages {
			busy = true
			c.deliver(message)
		}
		for _, task := range tasks {
			busy = true
			task()
		}
	}
}

func (c *cluster) deliver(m *raftserverpb.RaftMessage) {
	from, to := c.stores[m.FromPeer.StoreId], c.stores[m.ToPeer.StoreId]
	lost := c.drops(m) || to.Store == nil || from.Store == nil
	if snap := m.Message.Snapshot; snap != nil {
		name := raftstore.SnapshotName(m.RegionId, snap.Metadata)
		if !lost {
			to.files[name] = from.files[name]
		}
		if from.Store != nil {
			from.ReportSnapshot(m.RegionId, m.ToPeer.Id, !lost)
		}
	} else if lost && from.Store != nil {
		from.ReportUnreachable(m.RegionId, m.ToPeer.Id)
	}
	if !lost {
		to.Step(m)
	}
}

func (c *cluster) tick(n int) {
	for range n {
		for _, id := range c.ids {
			if m := c.stores[id]; m.Store != nil {
				m.Tick()
			}
		}
		c.settle()
	}
}

type link struct{ c *cluster }

func (l link) Send(m *raftserverpb.RaftMessage) { l.c.messages = append(l.c.messages, m) }

type later struct{ c *cluster }

func (l later) Go(task func()) { l.c.tasks = append(l.c.tasks, task) }

// memFiles are files that are always durable.
type memFiles map[string][]byte

func (f memFiles) Create(name string) (raftstore.File, error) {
	return &memFile{files: f, name: name}, nil
}
func (f memFiles) Remove(name string) error { delete(f, name); return nil }
func (f memFiles) List() ([]string, error)  { return slices.Sorted(maps.Keys(f)), nil }
func (f memFiles) Open(name string) (io.ReadCloser, error) {
	content, found := f[name]
	if !found {
		return nil, fmt.Errorf("no file %s", name)
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

type memFile struct {
	bytes.Buffer
	files memFiles
	name  string
}

func (f *memFile) Sync() error  { f.files[f.name] = slices.Clone(f.Bytes()); return nil }
func (f *memFile) Close() error { return nil }

// do submits a command to a store and returns its result, or nil if there is
// none after the cluster has settled.
func (c *cluster) do(id uint64, writes ...*raftserverpb.Write) *raftstore.Result {
	var result *raftstore.Result
	c.stores[id].Submit(&raftstore.Command{
		Context: &kvrpcpb.Context{RegionId: 1},
		Writes:  writes,
		Done: func(r raftstore.Result) {
			if result != nil {
				c.t.Error("a command was answered twice")
			}
			result = &r
		},
	})
	c.settle()
	return result
}

func put(key, value string) *raftserverpb.Write {
	return &raftserverpb.Write{Cf: engine.CFDefault, Key: []byte(key), Value: []byte(value)}
}

// leader returns the store that leads, letting time pass until there is one.
func (c *cluster) leader() uint64 {
	for range 200 {
		for _, id := range c.ids {
			if c.stores[id].Store == nil {
				continue
			}
			if r := c.do(id); r != nil && r.Err == nil {
				require.NoError(c.t, r.Snapshot.Close())
				return id
			}
		}
		c.tick(1)
	}
	c.t.Fatal("no leader after 200 ticks")
	return 0
}

// content returns the data of a store.
func (c *cluster) content(id uint64) map[string]string {
	content := map[string]string{}
	it, err := c.stores[id].dataEngine.Iterate(engine.CFDefault, engine.Range{})
	require.NoError(c.t, err)
	for it.Seek(nil); it.Valid(); it.Next() {
		content[string(it.Key())] = string(it.Value())
	}
	require.NoError(c.t, it.Close())
	return content
}

func TestWritesReachEveryStore(t *testing.T) {
	c := newCluster(t, 1, 3)
	leader := c.leader()
	want := map[string]string{}
	for i := range 10 {
		k, v := fmt.Sprintf("k%d", i), fmt.Sprintf("v%d", i)
		r := c.do(leader, put(k, v))
		require.NotNil(t, r)
		require.NoError(t, r.Err)
		want[k] = v
	}
	c.tick(5)
	for _, id := range c.ids {
		require.Equal(t, want, c.content(id), "store %d", id)
	}
}

// Crashes, losses, collected logs and snapshots: what was acknowledged stays,
// what was refused never shows up, and in the end all stores agree.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	snapshots := 0
	for seed := range uint64(200) {
		c := newCluster(t, seed, 3)
		loss := c.rng.Float64() * 0.3
		c.drops = func(m *raftserverpb.RaftMessage) bool {
			if m.Message.Snapshot != nil {
				snapshots++
			}
			return c.rng.Float64() < loss
		}
		acknowledged, refused, unanswered := map[string]bool{}, map[string]bool{}, 0
		for i := range 200 {
			down := 0
			for _, id := range c.ids {
				if c.stores[id].Store == nil {
					down++
				}
			}
			id := c.ids[c.rng.IntN(len(c.ids))]
			m := c.stores[id]
			switch r := c.rng.IntN(10); {
			case m.Store == nil && r < 5:
				c.restart(id)
			case m.Store != nil && r == 0 && down == 0:
				c.crash(id)
			case m.Store != nil:
				key := fmt.Sprintf("%03d", i)
				unanswered++
				m.Submit(&raftstore.Command{
					Context: &kvrpcpb.Context{RegionId: 1},
					Writes:  []*raftserverpb.Write{put(key, "x")},
					Done: func(r raftstore.Result) {
						unanswered--
						switch {
						case r.Err == nil:
							acknowledged[key] = true
						case r.Err != raftstore.ErrOutcomeUnknown:
							refused[key] = true
						}
					},
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
		for _, id := range c.ids {
			if c.stores[id].Store == nil {
				c.restart(id)
			}
		}
		leader := c.leader()
		require.NoError(t, c.do(leader, put("last", "x")).Err)
		c.tick(20)
		content := c.content(leader)
		for key := range acknowledged {
			require.Contains(t, content, key, "seed %d: acknowledged", seed)
		}
		for key := range refused {
			require.NotContains(t, content, key, "seed %d: refused", seed)
		}
		for _, id := range c.ids {
			require.Equal(t, content, c.content(id), "seed %d: store %d", seed, id)
		}
		require.Zero(t, unanswered, "seed %d: commands without an answer", seed)
		require.NotEmpty(t, acknowledged, "seed %d", seed)
	}
	require.NotZero(t, snapshots)
}

// What the engines hold may be damaged, and is refused then.
func TestCorruptStates(t *testing.T) {
	for name, value := range map[string][]byte{
		"nothing":           {},
		"no message":        []byte("nonsense"),
		"no region":         encode(t, &raftserverpb.RegionState{AppliedIndex: 5}),
		"the region of two": encode(t, &raftserverpb.RegionState{Region: &metapb.Region{Id: 2, RegionEpoch: &metapb.RegionEpoch{}}}),
		"no epoch":          encode(t, &raftserverpb.RegionState{Region: &metapb.Region{Id: 1}}),
	} {
		t.Run(name, func(t *testing.T) {
			m := newCluster(t, 1, 1).stores[1]
			m.Store.Close()
			var b engine.Batch
			b.Put("meta", binary.BigEndian.AppendUint64([]byte{2}, 1), value)
			require.NoError(t, m.dataEngine.Write(&b, true))
			_, err := raftstore.Open(*m.config())
			require.ErrorContains(t, err, "the state of a region, record 020000000000000001, is corrupt")
		})
	}
}

func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	require.NoError(t, err)
	return b
}
