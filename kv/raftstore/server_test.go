package raftstore_test

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/meter"
	"github.com/labkv/labkv/lab/stack"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

// A server is a store with a peer of one region, on two memory disks and with
// files of its own. The test decides when its clock ticks, when it works, and
// when it loses its power. What it sends goes to a transport of the test.
type server struct {
	*raftstore.Store
	serverConfig
	t testing.TB

	log, data *memory.Disk
	raft, kv  *memory.Engine // on these disks
	// raftMeter and kvMeter are the engines as seen by raftTally and kvTally,
	// which are the engines as the store has them.
	raftMeter, kvMeter *meter.Engine
	raftTally, kvTally *tally
	files              *fileSystem
	// life is the present incarnation of the store.
	life *life

	// tasks are the slow work that was not begun yet. It waits while hold
	// is set.
	tasks []func() (done func())
	hold  bool
	// mayGiveUp is set while what is on the disk is a reason for the store
	// to stop.
	mayGiveUp bool
	// broken is set while the disk lacks what the store relies on. The store
	// must not go on, and ends in whatever way it likes: it does not start,
	// stops, or panics. ended is what it says then.
	broken bool
	ended  string
	// full is set while a disk has no room: committed entries may have to
	// wait.
	full bool

	// asked are the requests that this incarnation was given.
	asked  []*answer
	admins []*asked

	// writes counts the writes to disks and files since cutAt, and cut is
	// the power cut that one of them will meet.
	writes int
	cut    *powerCut
	// refusal is the attempts to write that find no room. It may be nil.
	refusal *refusal

	// applied is the number of bytes of the entries that the present pass has
	// applied, and mostApplied the largest such number of any pass.
	applied, mostApplied int

	// observe, if it is not nil, is told what a pass has applied.
	observe func(regionID uint64, entries []*eraftpb.Entry)

	// fails returns the error that a write to an engine meets, if it has
	// that number, or nil. It is nil if none meets any.
	fails func(write int) error

	// found is where the log of a region began when the incarnation started,
	// and began where it began when the store was last at rest.
	found, began map[uint64]uint64
}

// A serverConfig says in what a server differs from others.
type serverConfig struct {
	id     uint64
	region *metapb.Region
	// neighbours are further regions of which the store has a peer. The
	// fixture does not look at them.
	neighbours []*metapb.Region
	// fleet is true if the store is one of a fleet, whose regions change. Then the log of
	// a region begins like that of a program, and the store may have no peer at first.
	fleet     bool
	scheduler raftstore.Scheduler
	splitSize uint64
	maxLog    uint64 // Config.MaxLogEntries
	transport raftstore.Transport
	// randIntN is the store's source of randomness; nil means always 0.
	randIntN func(n int) int
}

// unlimited is the maxLog of stores that never compact their logs.
const unlimited = 1 << 40

// regionOf returns the region of these tests: its peers are on stores 1 to n,
// with the ids of their stores, and it has the keys [start, end).
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

func newServer(t testing.TB, c serverConfig) *server {
	s := &server{serverConfig: c, t: t}
	s.install()
	return s
}

// install starts the store for the first time, on empty disks.
func (s *server) install() {
	s.log, s.data, s.files = memory.NewDisk(), memory.NewDisk(), newFileSystem()
	s.raftTally, s.kvTally = &tally{}, &tally{}
	for _, d := range []*memory.Disk{s.log, s.data} {
		d.Inject(func(w memory.Write) memory.Fault { return s.writesDisk(d, w) })
	}
	cfg := s.boot()
	bootstrap, regions := raftstore.BootstrapEmpty, append([]*metapb.Region{s.region}, s.neighbours...)
	if s.fleet {
		bootstrap = raftstore.Bootstrap
		if region.PeerOn(s.region, s.id) == nil {
			regions = nil
		}
	}
	require.NoError(s.t, bootstrap(&cfg, regions...), "Bootstrap")
	s.open(cfg)
}

// boot begins an incarnation.
func (s *server) boot() raftstore.Config {
	var err error
	s.raft, err = s.log.Open(raftstore.RaftFamilies...)
	require.NoError(s.t, err, "opening the raft engine")
	s.kv, err = s.data.Open(raftstore.KVFamilies...)
	require.NoError(s.t, err, "opening the kv engine")
	s.life, s.tasks, s.asked, s.admins = &life{of: s}, nil, nil, nil
	s.found, s.began = map[uint64]uint64{}, map[uint64]uint64{}
	s.raftMeter, s.kvMeter = meter.New(s.raft), meter.New(s.kv)
	s.raftTally.Engine, s.kvTally.Engine = s.raftMeter, s.kvMeter
	return raftstore.Config{
		ClusterID: 1, StoreID: s.id, RaftEngine: s.raftTally, KVEngine: s.kvTally,
		Files: s.life, Transport: s.life, Executor: s.life,
		RandIntN: func(_ uint64, n int) int {
			if s.randIntN == nil {
				return 0
			}
			return s.randIntN(n)
		},
		ElectionTicks: 10, HeartbeatTicks: 2, MaxLogEntries: s.maxLog,
		Scheduler: s.scheduler, SplitSize: s.splitSize,
		Logger: slog.New(slog.DiscardHandler),
		Applied: func(regionID, _ uint64, entries []*eraftpb.Entry) {
			if s.observe != nil && !s.life.over {
				s.observe(regionID, entries)
			}
			for _, e := range entries {
				s.applied += len(e.Data)
			}
			s.mostApplied = max(s.mostApplied, s.applied)
		},
	}
}

// open opens the store, and reports whether that was done before the power was
// cut.
func (s *server) open(cfg raftstore.Config) bool {
	s.Store = nil
	s.unlessOver(func() {
		store, err := raftstore.Open(cfg)
		if s.life.over {
			return
		}
		switch {
		case err == nil:
			s.Store = store
		case s.broken:
			s.ended, s.life.over = err.Error(), true
		default:
			s.t.Fatalf("store %d does not start: %v", s.id, err)
		}
	})
	return s.Store != nil
}

// restart starts the store again and lets it work. If there was no power cut,
// it closes the store first. Another cut may come while it starts.
func (s *server) restart() {
	s.unlessOver(func() {
		if s.Store != nil {
			s.Close()
		}
	})
	if !s.life.over {
		require.NoError(s.t, s.raft.Close(), "closing the raft engine after the store")
		require.NoError(s.t, s.kv.Close(), "closing the kv engine after the store")
		s.life.over = true
	}
	if !s.open(s.boot()) {
		require.True(s.t, s.open(s.boot()), "the power is cut twice while the store starts")
	}
	s.work()
}

// unlessOver runs code of the store. It ignores a panic after the power was
// cut, and reports every other panic as a failure.
func (s *server) unlessOver(run func()) {
	l := s.life
	defer func() {
		r := recover()
		switch text := fmt.Sprint(r); {
		case r == nil || l.over:
		case strings.HasPrefix(text, "TODO("):
			panic(r)
		case s.broken:
			s.ended, l.over = text, true
		default:
			calls := stack.Students(string(debug.Stack()))
			graded.Explain(s.t, "stack", stack.Text(calls))
			s.t.Fatalf("store %d panics%s: %s", s.id, stack.In(calls), text)
		}
	}()
	run()
}

// work makes passes until there is nothing left to do, or no power. After the
// last pass everything that can be applied must be applied: no other pass comes
// before something happens.
func (s *server) work() {
	for steps := 0; !s.life.over; steps++ {
		if steps == 10000 {
			s.t.Fatalf("store %d does not come to rest: after 10000 steps it still has something to do", s.id)
		}
		worked := false
		s.applied = 0
		s.unlessOver(func() {
			if worked = s.Pass(); !worked && len(s.tasks) > 0 && !s.hold {
				task := s.tasks[0]
				s.tasks = s.tasks[1:]
				task()()
				worked = true
			}
		})
		switch {
		case s.life.over:
			return
		case s.Err() != nil:
			if !s.mayGiveUp && !s.broken {
				s.t.Fatalf("store %d gives up: %v", s.id, s.Err())
			}
			s.ended = s.Err().Error()
			return
		case worked:
			continue
		}
		if s.fleet {
			s.regionsAgree(steps > 0 && s.life.ticked)
			return
		}
		if st := s.status(); steps > 0 && st.Applied < st.Commit && !st.Installing && !s.full {
			s.t.Fatalf("store %d is not in the queue for another pass, but has applied only up to index %d of what is committed up to %d", s.id, st.Applied, st.Commit)
		}
		s.logAgrees()
		return
	}
}

// logAgrees requires that the log is the one on the disk, and that it does not
// begin earlier than it did.
func (s *server) logAgrees() {
	st := s.status()
	region := s.region.Id
	if began := s.began[region]; st.FirstIndex < began {
		s.t.Fatalf("the log of store %d began at %d, and now it begins at %d: entries that were dropped are part of it again", s.id, began, st.FirstIndex)
	}
	if _, ok := s.found[region]; !ok {
		s.found[region] = st.FirstIndex
	}
	s.began[region] = st.FirstIndex
	// A store that starts may find that a snapshot was installed, and that
	// the raft engine does not know it yet. It need not write that at once:
	// another start finds the same.
	found := st.FirstIndex == s.found[region] && st.LastIndex+1 == st.FirstIndex
	if st.Busy || st.Installing || found {
		return
	}
	disk, err := raftstore.LoadRaftState(s.raft, region)
	require.NoError(s.t, err, "reading the state of the log")
	if first := disk.TruncatedIndex + 1; first != st.FirstIndex || disk.LastIndex != st.LastIndex {
		s.t.Fatalf("store %d says that its log has entries %d to %d, but the state in its raft engine says that it has entries %d to %d",
			s.id, st.FirstIndex, st.LastIndex, first, disk.LastIndex)
	}
}

// whileFull runs do while a disk of the store has no room.
func (s *server) whileFull(d *memory.Disk, do func()) {
	d.SetCapacity(0)
	s.full = true
	do()
	s.full = false
	d.SetCapacity(memory.Unlimited)
}

// Tick lets the clock go, and wakes all peers.
func (s *server) Tick() {
	s.life.ticked = true
	s.Store.Tick()
}

// tick lets a tick of its clock pass.
func (s *server) tick() {
	s.unlessOver(s.Tick)
	s.work()
}

func (s *server) status() raftstore.Status {
	status, ok := s.Status(s.region.Id)
	if !ok {
		s.t.Fatalf("store %d has no peer of region %d", s.id, s.region.Id)
	}
	return status
}

// context is the context of a client that knows the region as it is.
func (s *server) context() *kvrpcpb.Context {
	return &kvrpcpb.Context{RegionId: s.region.Id, RegionEpoch: s.region.RegionEpoch, Peer: s.region.Peers[s.id-1]}
}

// submit submits a write of ops, or a read if there are none. request names it
// in failures.
func (s *server) submit(request string, ops ...engine.Op) *answer {
	a, l := &answer{t: s.t, request: fmt.Sprintf("%s on store %d", request, s.id)}, s.life
	s.asked = append(s.asked, a)
	s.ask(s.context(), ops, func(r result) {
		if !l.over {
			a.add(r)
		}
	})
	return a
}

// ask submits a write of ops, or a read if there are none, with the context rc.
func (s *server) ask(rc *kvrpcpb.Context, ops []engine.Op, done func(result)) {
	if len(ops) == 0 {
		s.Read(&raftstore.Read{Context: rc, Done: func(view engine.Snapshot, err error) { done(result{view, err}) }})
		return
	}
	w, err := raftstore.NewWrite(rc, ops, func(err error) { done(result{err: err}) })
	if err != nil {
		done(result{err: err})
		return
	}
	s.Write(w)
}

// content returns the data in the kv engine.
func (s *server) content() content { return read(s.t, s.kv) }

// logRecords returns the number of records in the raft engine, and their bytes.
func (s *server) logRecords() (n int, bytes uint64) {
	it, err := s.raft.Iterate(raftstore.RaftFamilies[0], engine.Range{})
	require.NoError(s.t, err, "Iterate over the raft engine")
	for it.Seek(nil); it.Valid(); it.Next() {
		n++
		bytes += uint64(len(it.Key()) + len(it.Value()))
	}
	require.NoError(s.t, it.Close(), "closing an iterator over the raft engine")
	return n, bytes
}

// inRaftEngine says what the raft engine holds, in words.
func (s *server) inRaftEngine() string { return raftstore.DescribeRaft(s.raft) }
