//go:build cgo

package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A manager is a scheduler that runs, of cluster 1.
type manager struct {
	*process
	schedulerpb.SchedulerClient
	schedulerpb.AdminClient
}

var header = &schedulerpb.RequestHeader{ClusterId: 1}

// manage runs a scheduler on dir.
func manage(t *testing.T, dir string, args ...string) *manager {
	t.Helper()
	p := launch(t, "labkv-scheduler", append([]string{"--cluster-id=1", "--path", dir, "--addr", "127.0.0.1:0", "--tick", "10ms"}, args...)...)
	return &manager{p, schedulerpb.NewSchedulerClient(p.conn), schedulerpb.NewAdminClient(p.conn)}
}

// stores returns the addresses of the stores that m knows, by id.
func (m *manager) stores() map[uint64]string {
	m.t.Helper()
	r, err := m.GetAllStores(await.Context(m.t, "the stores"), &schedulerpb.GetAllStoresRequest{Header: header})
	require.NoError(m.t, err)
	all := map[uint64]string{}
	for _, s := range r.Stores {
		all[s.Id] = s.Address
	}
	return all
}

// region returns the region of all keys, or nil if m knows none.
func (m *manager) region() *metapb.Region {
	m.t.Helper()
	r, err := m.GetRegion(await.Context(m.t, "a region"), &schedulerpb.GetRegionRequest{Header: header})
	require.NoError(m.t, err)
	return r.Region
}

// waitForPeers waits until the region has peers on that many stores, all of which have
// caught up.
func (m *manager) waitForPeers(n int) {
	m.t.Helper()
	await.Until(m.t, "peers of the region", func() bool {
		r, err := m.ListOperators(await.Context(m.t, "the operators"), &schedulerpb.ListOperatorsRequest{Header: header})
		require.NoError(m.t, err)
		return len(m.region().GetPeers()) == n && len(r.Running) == 0
	})
}

func (m *manager) store(dir string, args ...string) []string {
	return append([]string{"--scheduler", m.addr, "--path", dir, "--addr", "127.0.0.1:0", "--tick", "20ms"}, args...)
}

// join runs a store with m, and waits until it listens.
func (m *manager) join(dir string, args ...string) *process {
	m.t.Helper()
	return launch(m.t, "labkv-server", m.store(dir, args...)...)
}

// end stops a process in order.
func (p *process) end() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(p.t, p.wait(), p.log.String())
}

// raw runs labkv-ctl raw on the cluster.
func (m *manager) raw(args ...string) string {
	m.t.Helper()
	code, stdout, stderr := command(m.t, "labkv-ctl", append([]string{"raw", "--timeout", "30s", "--scheduler", m.addr}, args...)...)
	require.Zero(m.t, code, stderr)
	return stdout
}

// id returns the identity of a store, as in its directory.
func id(t *testing.T, dir string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "identity.json"))
	require.NoError(t, err)
	var i map[string]any
	require.NoError(t, json.Unmarshal(text, &i))
	return i
}

// setID replaces fields of the identity of a store.
func setID(t *testing.T, dir string, fields map[string]any) {
	t.Helper()
	i := map[string]any{}
	if _, err := os.Stat(filepath.Join(dir, "identity.json")); err == nil {
		i = id(t, dir)
	}
	maps.Copy(i, fields)
	text, err := json.Marshal(i)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "identity.json"), text, 0o644))
}

// TestJoin walks through the life of a cluster with a scheduler: a first store, others
// that join, copies that are made by themselves, stores that die, and one that moves.
func TestJoin(t *testing.T) {
	schedulerDir := t.TempDir()
	m := manage(t, schedulerDir)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	first := m.join(dirs[0])
	m.raw("put", "a", "1")
	require.Equal(t, "made", id(t, dirs[0])["state"])
	require.Len(t, m.stores(), 1)
	m.waitForPeers(1)
	second, third := m.join(dirs[1]), m.join(dirs[2])
	require.Len(t, m.stores(), 3)
	m.waitForPeers(3)

	// Each has a copy, so any one can go.
	first.kill()
	m.raw("put", "b", "2")
	require.Equal(t, "a\t1\nb\t2\n", m.raw("scan"))
	first = m.join(dirs[0]) // at another address
	await.Until(t, "the new address", func() bool { return m.stores()[uint64(id(t, dirs[0])["store_id"].(float64))] == first.addr })
	second.end()
	m.raw("put", "c", "3")
	require.Equal(t, "a\t1\nb\t2\nc\t3\n", m.raw("scan"))

	// The scheduler may be away for a while, and comes back with what it knew.
	addr, region := m.addr, m.region()
	m.end()
	m = manage(t, schedulerDir, "--addr", addr)
	require.True(t, proto.Equal(region, m.region()))
	m.join(dirs[1])
	third.kill()
	require.Equal(t, "a\t1\nb\t2\nc\t3\n", m.raw("scan"))
}

// Of several stores that begin a cluster at once, one is the first.
func TestFirstStores(t *testing.T) {
	m := manage(t, t.TempDir())
	started := make(chan *process)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		go func() { started <- m.join(dir) }()
	}
	for range dirs {
		await.Receive(t, started, "a store")
	}
	firsts := 0
	for _, dir := range dirs {
		if id(t, dir)["region_id"] != nil {
			firsts++
		}
	}
	require.Equal(t, 1, firsts)
	require.Len(t, m.stores(), 3)
	m.raw("put", "a", "1")
}

// A start that is cut off at any step is completed by the next one.
func TestBirthAfterACrash(t *testing.T) {
	m := manage(t, t.TempDir())
	alloc := func() uint64 {
		t.Helper()
		r, err := m.AllocID(await.Context(t, "an id"), &schedulerpb.AllocIDRequest{Header: header})
		require.NoError(t, err)
		return r.Id
	}
	newID := func(state string, with ...string) map[string]any {
		i := map[string]any{"version": 1, "cluster_id": 1, "store_id": alloc(), "state": state}
		for _, name := range with {
			i[name] = alloc()
		}
		return i
	}

	// Before step 3: nobody has been asked yet. The store keeps its ids.
	dir := t.TempDir()
	mine := newID("founding", "region_id", "peer_id")
	setID(t, dir, mine)
	p := m.join(dir)
	require.Equal(t, "made", id(t, dir)["state"])
	require.Contains(t, m.stores(), mine["store_id"])
	await.Until(t, "the region", func() bool { return m.region() != nil })
	require.Equal(t, mine["region_id"], m.region().Id)
	require.Equal(t, mine["peer_id"], m.region().Peers[0].Id)
	p.end()

	// After step 3, before the answer has arrived: the scheduler knows this store as
	// the first.
	setID(t, dir, map[string]any{"state": "founding"})
	p = m.join(dir)
	m.raw("put", "a", "1")
	require.Equal(t, float64(mine["region_id"].(uint64)), id(t, dir)["region_id"])
	p.end()

	// In step 5: one engine has the store's identity, the other one has not.
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "kv")))
	setID(t, dir, map[string]any{"state": "making"})
	m.join(dir)
	m.raw("put", "a", "1")

	// Another store was first.
	other := t.TempDir()
	setID(t, other, newID("founding", "region_id", "peer_id"))
	m.join(other)
	require.Equal(t, "made", id(t, other)["state"])
	require.Nil(t, id(t, other)["region_id"])
	require.Len(t, m.stores(), 2)

	// One that only joins, before its engines are made.
	third := t.TempDir()
	setID(t, third, newID("making"))
	m.join(third)
	m.waitForPeers(3)
	require.Equal(t, "1\n", m.raw("get", "a"))
}

// A store waits for its scheduler, and stops in order meanwhile.
func TestStoreWithoutScheduler(t *testing.T) {
	free, err := cluster.FreeAddrs(1)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "data")
	cmd := commandOf("--scheduler", free[0], "--path", dir, "--addr", "127.0.0.1:0")
	log := &lines{said: make(chan struct{}), waits: "waiting for the scheduler"}
	cmd.Stderr = log
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }()
	await.Receive(t, log.said, "the store to wait")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	await.Return(t, func() { err = cmd.Wait() }, "the end of the store")
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(dir, "identity.json"))

	m := manage(t, t.TempDir(), "--addr", free[0])
	m.join(dir)
	m.raw("put", "a", "1")
}

// lines is a log that says when it says something.
type lines struct {
	text  bytes.Buffer
	waits string
	said  chan struct{} // closed then
	done  bool
}

func (l *lines) Write(p []byte) (int, error) {
	l.text.Write(p)
	if !l.done && strings.Contains(l.text.String(), l.waits) {
		l.done = true
		close(l.said)
	}
	return len(p), nil
}

// What a directory holds must fit what the scheduler knows.
func TestSchedulerThatDoesNotFit(t *testing.T) {
	m := manage(t, t.TempDir())
	dir := t.TempDir()
	p := m.join(dir)
	m.raw("put", "a", "1")
	fails(t, "in use by another engine", m.store(dir)...)
	fails(t, "address already in use", m.store(t.TempDir(), "--addr", p.addr)...)
	fails(t, "the scheduler at "+m.addr+" is of cluster 1, not of cluster 2: check --scheduler and --cluster-id", m.store(t.TempDir(), "--cluster-id=2")...)
	fails(t, "the server at "+p.addr+" is not a scheduler", m.store(t.TempDir(), "--scheduler", p.addr)...)

	alone := t.TempDir()
	start(t, alone).end()
	fails(t, "holds a store that serves alone", m.store(alone)...)
	c := newCluster(t)
	require.NoError(t, c.Start())
	raw(t, c, "put", "a", "1")
	c.Stop(await.Limit)
	fails(t, "holds a store of a cluster without a scheduler: start it with --cluster-id, --store-id and --peer", m.store(c.Stores()[0].Dir)...)
	foreign := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "letter.txt"), nil, 0o644))
	fails(t, "is not empty and holds no store (it has letter.txt)", m.store(foreign)...)

	p.end()
	fails(t, "the data belong to cluster 1, not 2: check --cluster-id", m.store(dir, "--cluster-id=2")...)
	fails(t, "holds a store of a cluster with a scheduler: start it with --scheduler", "--config", configOf(c.Stores()[0]), "--store-id=1", "--path", dir)
	fails(t, "holds a store of a cluster: start it with --scheduler", "--standalone", "--path", dir)
	empty := manage(t, t.TempDir())
	fails(t, "knows of no store: it has lost its data, or is another one", empty.store(dir)...)
	other := manage(t, t.TempDir(), "--cluster-id=7")
	fails(t, "the data belong to cluster 1, the scheduler at "+other.addr+" is of cluster 7", other.store(dir)...)

	for _, c := range []struct {
		text, says string
	}{
		{`{"version":2,"cluster_id":1,"store_id":1,"state":"made"}`, "has version 2, this program knows version 1"},
		{`{"version":1,"cluster_id":1,"store_id":0,"state":"made"}`, "identity.json of " + dir + " is damaged"},
		{`{"version":1,"cluster_id":1,"store_id":1,"state":"maid"}`, "is damaged"},
		{`nonsense`, "is damaged"},
	} {
		before, err := os.ReadFile(filepath.Join(dir, "identity.json"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "identity.json"), []byte(c.text), 0o644))
		fails(t, c.says, m.store(dir)...)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "identity.json"), before, 0o644))
	}

	// Nothing of that has done any harm.
	m.join(dir)
	require.Equal(t, "1\n", m.raw("get", "a"))
}

// A store that was removed does not come back, nor does one that has lost its data.
func TestStoreThatIsGone(t *testing.T) {
	m := manage(t, t.TempDir(), "--replicas=1") // so that the second store gets nothing
	m.join(t.TempDir())
	dir := t.TempDir()
	m.join(dir).end()
	kv := filepath.Join(dir, "kv")
	require.NoError(t, os.Rename(kv, kv+".away"))
	fails(t, "has lost data of its store: it cannot come back under its id", m.store(dir, "--log-level=error")...)
	require.NoError(t, os.RemoveAll(kv))
	require.NoError(t, os.Rename(kv+".away", kv))
	p := m.join(dir)

	self := uint64(id(t, dir)["store_id"].(float64))
	ctx := await.Context(t, "the end of a store")
	r, err := m.RemoveStore(ctx, &schedulerpb.RemoveStoreRequest{Header: header, StoreId: self})
	require.NoError(t, err)
	require.Nil(t, r.Header.Error)
	await.Until(t, "the store to be gone", func() bool { return m.state(ctx, self) == metapb.StoreState_Tombstone })
	p.end()
	fails(t, "was removed from cluster 1 for good", m.store(dir, "--log-level=error")...)
}

func (m *manager) state(ctx context.Context, store uint64) metapb.StoreState {
	m.t.Helper()
	r, err := m.GetStore(ctx, &schedulerpb.GetStoreRequest{Header: header, StoreId: store})
	require.NoError(m.t, err)
	return r.GetStore().GetState()
}
