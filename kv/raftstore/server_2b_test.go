package raftstore_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A server is a store with a peer of one region, in the hands of a test: the test
// says when its clock ticks, when it works, and when it loses its power.
type server struct {
	*raftstore.Store
	t         *graded.T
	id        uint64
	region    *metapb.Region
	transport raftstore.Transport
	log, data *memory.Disk
	raft, kv  *memory.Engine // what is on them
}

// regionOf returns the region of these tests: its peers are on stores 1 to n, with
// the same ids, and it has the keys of [start, end).
func regionOf(n uint64, start, end string) *metapb.Region {
	r := &metapb.Region{
		Id: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1},
		StartKey: []byte(start), EndKey: []byte(end),
	}
	for id := uint64(1); id <= n; id++ {
		r.Peers = append(r.Peers, &metapb.Peer{Id: id, StoreId: id})
	}
	return r
}

func newServer(t *graded.T, id uint64, region *metapb.Region, transport raftstore.Transport) *server {
	s := &server{t: t, id: id, region: region, transport: transport, log: memory.NewDisk(), data: memory.NewDisk()}
	s.start(true)
	return s
}

func (s *server) start(first bool) {
	var err error
	s.raft, err = s.log.Open(raftstore.RaftFamilies...)
	require.NoError(s.t, err)
	s.kv, err = s.data.Open(raftstore.KVFamilies...)
	require.NoError(s.t, err)
	cfg := raftstore.Config{
		ClusterID: 1, StoreID: s.id, RaftEngine: s.raft, KVEngine: s.kv, Files: noFiles{}, Transport: s.transport, Executor: s,
		RandIntN:      func(uint64, int) int { return 0 },
		ElectionTicks: 10, HeartbeatTicks: 2, MaxLogEntries: 1 << 40,
		Logger: slog.New(slog.DiscardHandler),
	}
	if first {
		require.NoError(s.t, raftstore.Bootstrap(&cfg, s.region), "Bootstrap")
	}
	s.Store, err = raftstore.Open(cfg)
	require.NoError(s.t, err, "store %d does not start", s.id)
}

// powerCut crashes the store, which loses all that was not synced, and starts it
// again.
func (s *server) powerCut() {
	s.log.Crash(0)
	s.data.Crash(0)
	s.Close()
	s.start(false)
}

// work makes passes until there is nothing left to do. After a pass all must be done
// that can be: there is no other before something happens.
func (s *server) work() {
	for passes := range 1000 {
		if !s.Pass() {
			if s.Err() != nil {
				s.t.Fatalf("store %d gives up: %v", s.id, s.Err())
			}
			if st, _ := s.Status(s.region.Id); passes > 0 && st.Applied < st.Commit {
				s.t.Fatalf("store %d is not in the queue for another pass, but has applied only up to index %d of what is committed up to %d", s.id, st.Applied, st.Commit)
			}
			return
		}
	}
	s.t.Fatalf("store %d does not run out of work", s.id)
}

// Go implements raftstore.Executor. Nothing here takes long.
func (s *server) Go(task func()) { task() }

// noFiles has no files: these tests make no snapshots.
type noFiles struct{ raftstore.Files }

func (noFiles) List() ([]string, error) { return nil, nil }

// An answer is what a store says to a command. It comes once.
type answer struct {
	t       *graded.T
	request string
	results []raftstore.Result
}

// submit gives the store a command, which has no writes if it is a read.
func (s *server) submit(request string, writes ...*raftserverpb.Write) *answer {
	return s.submitAs(s.context(), request, writes...)
}

// context is what a client says that knows all there is to know.
func (s *server) context() *kvrpcpb.Context {
	return &kvrpcpb.Context{RegionId: s.region.Id, RegionEpoch: s.region.RegionEpoch, Peer: s.region.Peers[s.id-1]}
}

func (s *server) submitAs(rc *kvrpcpb.Context, request string, writes ...*raftserverpb.Write) *answer {
	a := &answer{t: s.t, request: fmt.Sprintf("%s on store %d", request, s.id)}
	s.Submit(&raftstore.Command{Context: rc, Writes: writes, Done: func(r raftstore.Result) {
		a.results = append(a.results, r)
		if len(a.results) == 2 {
			a.t.Fatalf("%s was answered twice: first %s, then %s", a.request, verdict(a.results[0]), verdict(r))
		}
	}})
	return a
}

// result requires that there is an answer, and returns it.
func (a *answer) result() raftstore.Result {
	a.t.Helper()
	if len(a.results) == 0 {
		a.t.Fatalf("%s was not answered", a.request)
	}
	return a.results[0]
}

// isDone requires that the command was carried out.
func (a *answer) isDone() {
	a.t.Helper()
	if r := a.result(); r.Err != nil {
		a.t.Fatalf("%s is not done, but answered with %s", a.request, verdict(r))
	}
}

// refusal requires that the command was refused, with a region error, and returns
// that.
func (a *answer) refusal() *errorpb.Error {
	a.t.Helper()
	var region *storage.RegionError
	if !errors.As(a.result().Err, &region) {
		a.t.Fatalf("%s is not refused with a region error, but answered with %s", a.request, verdict(a.result()))
	}
	return region.Err
}

// verdict says what r is.
func verdict(r raftstore.Result) string {
	if r.Err == nil {
		return "done"
	}
	return fmt.Sprintf("%q", r.Err)
}

func set(cf engine.CF, key, value string) *raftserverpb.Write {
	return &raftserverpb.Write{Cf: cf, Key: []byte(key), Value: []byte(value)}
}

func remove(cf engine.CF, key string) *raftserverpb.Write {
	return &raftserverpb.Write{Cf: cf, Key: []byte(key), Delete: true}
}

// A content is data by family and key: content["lock/k"].
type content map[string]string

// differs says where found differs from c, the first of it by family and key, or "" if
// it does not.
func (c content) differs(found content) string {
	for _, place := range slices.Sorted(maps.Keys(c)) {
		if value, ok := found[place]; !ok {
			return fmt.Sprintf("nothing at %s, where %q was written", place, shortened(c[place]))
		} else if value != c[place] {
			return fmt.Sprintf("%q at %s, where %q was written last", shortened(value), place, shortened(c[place]))
		}
	}
	for _, place := range slices.Sorted(maps.Keys(found)) {
		if _, ok := c[place]; !ok {
			return fmt.Sprintf("%q at %s, where there should be nothing", shortened(found[place]), place)
		}
	}
	return ""
}

// shortened returns value, or the beginning of it.
func shortened(value string) string {
	const most = 20
	if len(value) > most {
		return value[:most] + "…"
	}
	return value
}

// read returns all data of a reader.
func read(t *graded.T, r engine.Reader) content {
	t.Helper()
	all := content{}
	for _, cf := range engine.Families {
		it, err := r.Iterate(cf, engine.Range{})
		if err != nil {
			t.Fatalf("what was handed out to be read cannot be read: %v", err)
		}
		for it.Seek(nil); it.Valid(); it.Next() {
			all[string(cf)+"/"+string(it.Key())] = string(it.Value())
		}
		require.NoError(t, it.Close())
	}
	return all
}

// reads requires that the command is a read that was served, and returns what it
// reads.
func (a *answer) reads() content {
	a.t.Helper()
	a.isDone()
	snapshot := a.result().Snapshot
	if snapshot == nil {
		a.t.Fatalf("%s is answered without a snapshot", a.request)
	}
	all := read(a.t, snapshot)
	require.NoError(a.t, snapshot.Close())
	return all
}
