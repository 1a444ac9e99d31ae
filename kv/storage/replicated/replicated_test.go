package replicated_test

import (
	"context"
	stderrors "errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/raftstore/snapdir"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/server/endpoint"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/replicated"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

const clusterID = 7

var rc = &kvrpcpb.Context{RegionId: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}}

// A machine is a server of a cluster in this process: the disks are in memory,
// the network is the loopback.
type machine struct {
	t       *testing.T
	id      uint64
	addrs   map[uint64]string
	log, kv *memory.Disk
	dir     string // of snapshots

	storage  *replicated.Storage
	endpoint *endpoint.Endpoint
	served   chan error
}

// newCluster starts n machines.
func newCluster(t *testing.T, n int) []*machine {
	t.Helper()
	region := &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}}
	addrs := map[uint64]string{}
	var listeners []net.Listener
	for id := uint64(1); id <= uint64(n); id++ {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		listeners = append(listeners, l)
		addrs[id] = l.Addr().String()
		region.Peers = append(region.Peers, &metapb.Peer{Id: id, StoreId: id})
	}
	var machines []*machine
	for i, l := range listeners {
		m := &machine{t: t, id: uint64(i + 1), addrs: addrs, log: memory.NewDisk(), kv: memory.NewDisk(), dir: t.TempDir()}
		machines = append(machines, m)
		disk, err := m.open()
		require.NoError(t, err)
		require.NoError(t, raftstore.Bootstrap(&raftstore.Config{ClusterID: clusterID, StoreID: m.id, RaftEngine: disk.Raft, KVEngine: disk.KV}, region))
		require.NoError(t, disk.Close())
		m.start(l)
		t.Cleanup(m.stop)
	}
	return machines
}

func (m *machine) open() (*replicated.Disk, error) {
	log, err := m.log.Open(raftstore.RaftFamilies...)
	if err != nil {
		return nil, err
	}
	kv, err := m.kv.Open(raftstore.KVFamilies...)
	if err != nil {
		return nil, err
	}
	files, err := snapdir.Open(m.dir)
	if err != nil {
		return nil, err
	}
	return &replicated.Disk{Raft: log, KV: kv, Files: files, Close: func() error {
		return stderrors.Join(files.Close(), kv.Close(), log.Close())
	}}, nil
}

func (m *machine) config() replicated.Config {
	return replicated.Config{
		ClusterID: clusterID, StoreID: m.id, Addrs: m.addrs,
		Open:          m.open,
		Tick:          10 * time.Millisecond,
		MaxLogEntries: 20,
		Logger:        slog.New(slog.DiscardHandler),
	}
}

// start starts the machine on l, or, if l is nil, at its old address.
func (m *machine) start(l net.Listener) {
	m.t.Helper()
	var err error
	if l == nil {
		l, err = net.Listen("tcp", m.addrs[m.id])
		require.NoError(m.t, err)
	}
	m.storage = replicated.New(m.config())
	require.NoError(m.t, m.storage.Start())
	m.endpoint = endpoint.New(endpoint.Config{})
	tinykvpb.RegisterTinyKvServer(m.endpoint, server.New(m.storage))
	m.served = make(chan error, 1)
	go func() { m.served <- m.endpoint.Serve(l) }()
}

// stop stops the machine; a second call does nothing.
func (m *machine) stop() {
	if m.storage == nil {
		return
	}
	graceful := m.endpoint.Stop()
	served := await.Receive(m.t, m.served, "the end of the server")
	s := m.storage
	m.storage = nil
	require.NoError(m.t, stop(m.t, s))
	require.True(m.t, graceful, "every call ends")
	require.NoError(m.t, served)
}

func stop(t *testing.T, s *replicated.Storage) (err error) {
	t.Helper()
	await.Return(t, func() { err = s.Stop() }, "the end of the storage")
	return err
}

// eventually calls try until it returns nil. Each attempt has a second.
func eventually(t *testing.T, what string, try func(ctx context.Context) error) {
	t.Helper()
	await.Until(t, what, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return try(ctx) == nil
	})
}

// leader returns a machine that has just served a read, and waits until there
// is one.
func leader(t *testing.T, machines []*machine) *machine {
	t.Helper()
	var found *machine
	eventually(t, "a leader", func(ctx context.Context) (err error) {
		for _, m := range machines {
			if m.storage == nil {
				continue
			}
			var r storage.Reader
			if r, err = m.storage.Reader(ctx, rc); err == nil {
				found = m
				return r.Close()
			}
		}
		return err
	})
	return found
}

func put(key, value string) []engine.Op {
	return []engine.Op{{CF: engine.CFDefault, Key: []byte(key), Value: []byte(value)}}
}

// write writes through the leader. A write with an unknown outcome is repeated,
// which is safe because the test is the only writer.
func write(t *testing.T, machines []*machine, key, value string) {
	t.Helper()
	eventually(t, "a write", func(ctx context.Context) error {
		return leader(t, machines).storage.Write(ctx, rc, put(key, value))
	})
}

// content returns all keys and values of the default family, as a leader shows
// them.
func content(t *testing.T, machines []*machine) map[string]string {
	t.Helper()
	content := map[string]string{}
	eventually(t, "a read", func(ctx context.Context) error {
		r, err := leader(t, machines).storage.Reader(ctx, rc)
		if err != nil {
			return err
		}
		defer r.Close()
		it, err := r.Iterate(engine.CFDefault, engine.Range{})
		require.NoError(t, err)
		for it.Seek(nil); it.Valid(); it.Next() {
			content[string(it.Key())] = string(it.Value())
		}
		return it.Close()
	})
	return content
}

// A leader is stopped, twice, and the others go on without it. When it comes
// back it gets the entries that it has missed, by log or, if the log no longer
// holds them, by snapshot.
func TestLeaderGoesAndComesBack(t *testing.T) {
	machines := newCluster(t, 3)
	want := map[string]string{}
	writeSome := func(prefix string, n int) {
		for i := range n {
			key, value := fmt.Sprintf("%s-%03d", prefix, i), fmt.Sprint(i)
			write(t, machines, key, value)
			want[key] = value
		}
	}
	writeSome("together", 5)
	for _, missed := range []int{3, 300} { // the latter is more than logs keep
		away := leader(t, machines)
		away.stop()
		writeSome(fmt.Sprintf("without-%d", missed), missed)
		away.start(nil)
		writeSome(fmt.Sprintf("again-%d", missed), 5)
		require.Equal(t, want, content(t, machines))
		// It has what it missed: the majority without one of the others
		// has all data.
		for _, m := range machines {
			if m != away {
				m.stop()
				require.Equal(t, want, content(t, machines))
				m.start(nil)
				break
			}
		}
	}
}

// All machines are stopped at once and start again with all data.
func TestAllRestart(t *testing.T) {
	machines := newCluster(t, 3)
	want := map[string]string{}
	for i := range 50 {
		key := fmt.Sprint(i)
		write(t, machines, key, "x")
		want[key] = "x"
	}
	for _, m := range machines {
		m.stop()
	}
	for _, m := range machines {
		m.start(nil)
	}
	require.Equal(t, want, content(t, machines))
}

// TestContract checks the demands of storage.Storage that replication makes
// harder.
func TestContract(t *testing.T) {
	machines := newCluster(t, 1)
	m := machines[0]
	s := leader(t, machines).storage
	ctx := await.Context(t, "an answer")

	require.Equal(t, storage.ErrNoContext, s.Write(ctx, nil, put("a", "1")))
	_, err := s.Reader(ctx, nil)
	require.Equal(t, storage.ErrNoContext, err)

	canceled, cancel := context.WithCancel(ctx)
	cancel()
	require.Equal(t, context.Canceled, s.Write(canceled, rc, put("a", "1")))
	_, err = s.Reader(canceled, rc)
	require.Equal(t, context.Canceled, err)

	var wrongPlace *region.Error
	require.ErrorAs(t, s.Write(ctx, &kvrpcpb.Context{RegionId: 2}, put("a", "1")), &wrongPlace)
	require.NotNil(t, wrongPlace.Err.RegionNotFound)
	require.ErrorAs(t, s.Write(ctx, &kvrpcpb.Context{RegionId: 1, Peer: &metapb.Peer{StoreId: 9}}, nil), &wrongPlace)
	require.NotNil(t, wrongPlace.Err.StoreNotMatch)

	require.NoError(t, s.Write(ctx, rc, nil), "an empty batch")
	require.NoError(t, s.Write(ctx, rc, put("a", "")))
	key, value := []byte("b"), []byte("1")
	require.NoError(t, s.Write(ctx, rc, []engine.Op{
		{CF: engine.CFDefault, Key: key, Value: value}, {CF: engine.CFDefault, Key: key, Delete: true},
		{CF: engine.CFLock, Key: key, Value: value},
	}))
	key[0], value[0] = 'x', 'x' // not kept
	r, err := s.Reader(ctx, rc)
	require.NoError(t, err)
	defer r.Close()
	v, found, err := r.Get(engine.CFDefault, []byte("a"))
	require.NoError(t, err)
	require.True(t, found)
	require.Empty(t, v)
	_, found, err = r.Get(engine.CFDefault, []byte("b"))
	require.NoError(t, err)
	require.False(t, found)
	v, _, err = r.Get(engine.CFLock, []byte("b"))
	require.NoError(t, err)
	require.Equal(t, "1", string(v))

	require.Equal(t, storage.ErrRunning, s.Start())
	m.stop()
	require.NoError(t, stop(t, s), "a second stop")
	require.Equal(t, storage.ErrNotRunning, s.Write(ctx, rc, put("a", "1")))
	_, err = s.Reader(ctx, rc)
	require.Equal(t, storage.ErrNotRunning, err)
	_, _, err = r.Get(engine.CFDefault, []byte("a"))
	require.Equal(t, engine.ErrClosed, err, "a reader from before")
}

// A write that no engine would accept must not reach a log, where it would stop
// every store.
func TestBadWrites(t *testing.T) {
	machines := newCluster(t, 1)
	s := leader(t, machines).storage
	ctx := await.Context(t, "an answer")
	for _, c := range []struct {
		name  string
		write engine.Op
		says  string
	}{
		{"empty key", engine.Op{CF: engine.CFDefault}, "key is empty"},
		{"unknown family", engine.Op{CF: "nonsense", Key: []byte("a")}, "unknown column family"},
		{"the store's own family", engine.Op{CF: "meta", Key: []byte("a")}, "unknown column family"},
		{"large key", engine.Op{CF: engine.CFDefault, Key: make([]byte, engine.MaxKeySize+1)}, "key is too large"},
		{"large value", engine.Op{CF: engine.CFDefault, Key: []byte("a"), Value: make([]byte, engine.MaxValueSize+1)}, "value is too large"},
		{"value that is no log entry", engine.Op{CF: engine.CFDefault, Key: []byte("a"), Value: make([]byte, engine.MaxValueSize)}, "write is too large"},
	} {
		require.ErrorContains(t, s.Write(ctx, rc, []engine.Op{c.write}), c.says, c.name)
	}
	r, err := s.Reader(ctx, rc)
	require.NoError(t, err)
	defer r.Close()
	for _, cf := range []string{"", "meta", "raft"} {
		_, _, err = r.Get(cf, []byte{1})
		require.ErrorContains(t, err, "unknown column family")
		_, err = r.Iterate(cf, engine.Range{})
		require.ErrorContains(t, err, "unknown column family")
	}
	large := strings.Repeat("x", engine.MaxValueSize-2<<10)
	require.NoError(t, s.Write(ctx, rc, put("large", large)), "about the largest value that fits")
}

// A storage says what its peers know, and whom it leads.
func TestInspect(t *testing.T) {
	machines := newCluster(t, 3)
	write(t, machines, "a", "1")
	l := leader(t, machines)
	eventually(t, "all stores to know the leader and to have its log", func(ctx context.Context) error {
		for _, m := range machines {
			status, err := m.storage.Status(ctx)
			if err != nil {
				return err
			}
			require.Equal(t, []uint64{7, m.id}, []uint64{status.ClusterId, status.StoreId})
			require.Len(t, status.Peers, 1)
			p := status.Peers[0]
			switch {
			case p.Leader == 0 || p.Applied < 2 || p.Commit != p.Applied:
				return stderrors.New("not yet")
			case m == l && p.Role != raftserverpb.PeerStatus_LEADER, m != l && p.Role == raftserverpb.PeerStatus_LEADER:
				l = leader(t, machines)
				return stderrors.New("another one leads by now")
			}
			require.Equal(t, uint64(1), p.Region.Id)
			require.GreaterOrEqual(t, p.LastIndex, p.Applied)
		}
		return nil
	})
	for _, m := range machines {
		if m != l {
			m.stop()
		}
	}
	s := l.storage
	_, err := s.Inspect(await.Context(t, "the state of a store without a majority"))
	require.NoError(t, err)
	l.stop()
	_, err = s.Inspect(t.Context())
	require.Equal(t, storage.ErrNotRunning, err)
	require.Zero(t, s.Traffic())
}

// Without a majority no request is answered until the caller gives up.
func TestDeadlines(t *testing.T) {
	machines := newCluster(t, 3)
	write(t, machines, "a", "1")
	m := leader(t, machines)
	for _, other := range machines {
		if other != m {
			other.stop()
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.Equal(t, context.DeadlineExceeded, m.storage.Write(ctx, rc, put("a", "2")))
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := m.storage.Reader(ctx, rc)
	require.Equal(t, context.DeadlineExceeded, err)

	// Stop answers the callers that still wait.
	waiting := make(chan error, 1)
	s := m.storage
	go func() { waiting <- s.Write(t.Context(), rc, put("a", "3")) }()
	m.stop()
	require.Contains(t, []error{storage.ErrOutcomeUnknown, storage.ErrNotRunning}, await.Receive(t, waiting, "the answer of a store that stops"))
}

// A disk that fails stops the store, and Err says why.
func TestDiskFails(t *testing.T) {
	machines := newCluster(t, 1)
	m := machines[0]
	s := leader(t, machines).storage
	failed := s.Failed()
	require.NoError(t, s.Err())
	m.log.Crash(0)
	ctx := await.Context(t, "an answer")
	err := s.Write(ctx, rc, put("a", "1"))
	require.Error(t, err)
	await.Receive(t, failed, "the failure of the store")
	require.ErrorContains(t, s.Err(), "cannot write")
	require.Equal(t, storage.ErrNotRunning, s.Write(ctx, rc, put("a", "1")))
	require.True(t, m.endpoint.Stop())
	require.NoError(t, await.Receive(t, m.served, "the end of the server"))
	_ = stop(t, s) // its disk is broken
	m.storage = nil
}

// brokenEngine panics when it is written to.
type brokenEngine struct{ engine.Engine }

func (brokenEngine) Write(*engine.Batch, bool) error { panic("this cannot be") }

// A pass that panics ends the store in good order, not the process.
func TestPassPanics(t *testing.T) {
	m := newCluster(t, 1)[0]
	m.stop()
	cfg := m.config()
	cfg.Open = func() (*replicated.Disk, error) {
		disk, err := m.open()
		if err == nil {
			disk.Raft = brokenEngine{disk.Raft}
		}
		return disk, err
	}
	s := replicated.New(cfg)
	require.NoError(t, s.Start())
	await.Receive(t, s.Failed(), "the failure of the store, as soon as it campaigns")
	require.ErrorContains(t, s.Err(), "the store is broken: this cannot be")
	require.Equal(t, storage.ErrNotRunning, s.Write(await.Context(t, "an answer"), rc, put("a", "1")))
	require.NoError(t, stop(t, s))
}

// Stop reports that the disk could not be closed, and closes it once, whoever
// calls Stop how often. The storage can be started again.
func TestStopFails(t *testing.T) {
	m := newCluster(t, 1)[0]
	m.stop()
	broken := stderrors.New("no sync")
	closed := 0
	cfg := m.config()
	cfg.Open = func() (*replicated.Disk, error) {
		disk, err := m.open()
		if err != nil {
			return nil, err
		}
		closeDisk := disk.Close
		disk.Close = func() error {
			closed++
			return stderrors.Join(closeDisk(), broken)
		}
		return disk, nil
	}
	s := replicated.New(cfg)
	for round := 1; round <= 2; round++ {
		require.NoError(t, s.Start())
		failed := s.Failed()
		require.ErrorContains(t, stop(t, s), "close the disk: no sync")
		require.NoError(t, stop(t, s), "a second stop")
		require.Equal(t, round, closed)
		select {
		case <-failed:
			require.Fail(t, "a store that was stopped has not failed")
		default:
		}
		require.Nil(t, s.Failed())
		require.NoError(t, s.Err())
	}
}

func TestStartFails(t *testing.T) {
	broken := stderrors.New("no such disk")
	s := replicated.New(replicated.Config{
		Open:   func() (*replicated.Disk, error) { return nil, broken },
		Logger: slog.New(slog.DiscardHandler),
	})
	require.Equal(t, broken, s.Start())
	require.NoError(t, stop(t, s))
	require.Nil(t, s.Failed())

	m := newCluster(t, 1)[0]
	m.stop()
	other := m.config()
	other.ClusterID = 8
	require.ErrorContains(t, replicated.New(other).Start(), "the data belong to cluster 7, not 8")
	other = m.config()
	other.StoreID = 2
	require.ErrorContains(t, replicated.New(other).Start(), "the data belong to store 1, not 2")
	m.start(nil) // the storages that failed to start have closed the disk
}
