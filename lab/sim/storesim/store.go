package storesim

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage/replicated"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/meter"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/tinykvpb"
	"github.com/labkv/labkv/raft"
)

// A store is one incarnation of a store. It implements sim.Process, and what else
// the world wants to know of one.
type store struct {
	*raftstore.Store
	// id is the store's, which need not be its machine's.
	id     uint64
	system *System
	env    *sim.Env
	files  files
	log    *memory.Engine
	data   *summed
	rpcs   tinykvpb.TinyKvServer
	// raft and kv are the engines as the store has them.
	raft, kv *meter.Engine

	// shuffler is nil unless Options.Disorder is set.
	shuffler *shuffler

	// peers are the store's replicas, as of the last look, by region ascending.
	peers []*peer
	// unproposed are the writes that the store was given and has not proposed, the
	// oldest first, if the log of the run is kept. It is guarded by mu.
	unproposed []waiting
	// lied is set once something was seen in the middle of an event that must
	// not be.
	lied error
	// exits is set once the store has failed, and is about to end.
	exits bool

	// joined is set once the scheduler knows the store. asked are the regions for which
	// it was asked for ids, by the stream of the question, and splits counts them.
	joined bool
	// reported are the sizes that the store has reported of regions that it leads.
	reported map[uint64]uint64
	asked    map[uint64]*metapb.Region
	splits   uint64

	// passing is true during a pass, and tasks is the number of tasks that the
	// executor has.
	passing bool
	tasks   int

	turns   turns
	answers check.Answers
	mu      sync.Mutex // guards open, number and unproposed
	open    map[uint64]waiting
	number  uint64
}

// A peer is what was observed of a store's replica of a region. A store that leaves a
// region and joins it again has another one.
type peer struct {
	region, id uint64
	// status is what was last observed while the replica was idle.
	status raftstore.Status
	// installs is true since a snapshot began to be installed.
	installs bool
	// began is where the log began when the incarnation was first observed,
	// and past is what was observed of the log lately.
	began uint64
	past  []logStatus
	// tail and durable are what the log of the run was told of the peer.
	tail    tail
	durable durable
}

func (p *peer) leads() bool { return p.status.RaftState == raft.StateLeader }

// peer returns the store's replica of a region, or nil.
func (s *store) peer(region uint64) *peer {
	for _, p := range s.peers {
		if p.region == region {
			return p
		}
	}
	return nil
}

// look finds out which replicas the store has now.
func (s *store) look() {
	regions := s.Peers()
	same := len(regions) == len(s.peers)
	for _, id := range regions {
		st, _ := s.Status(id)
		if p := s.peer(id); p == nil || p.id != st.ID {
			same = false
		}
	}
	if same {
		return
	}
	slices.Sort(regions)
	now := make([]*peer, 0, len(regions))
	for _, id := range regions {
		st, _ := s.Status(id)
		p := s.peer(id)
		if p == nil || p.id != st.ID {
			p = &peer{region: id, id: st.ID}
			if state := s.data.state(id); !s.leaves(p) || state.Region.RegionEpoch == nil {
				s.note(s.system.members.Present(s.replica(id, st.ID)))
			}
		}
		now = append(now, p)
	}
	before := s.peers
	s.peers = now
	s.tellRemoved(before)
}

// leaves reports whether there is a record that the peer has left the store. As long as
// the record has an epoch, the store is still deleting what the peer had, also after a
// restart.
func (s *store) leaves(p *peer) bool {
	state := s.data.state(p.region)
	return state.GetTombstone() && s.peerOf(state) == p.id
}

// replica names the peer with that id of a region on the store.
func (s *store) replica(region, peer uint64) check.Replica {
	return check.Replica{Group: region, Peer: peer, Store: s.id}
}

// String returns the store's name, such as "store 1".
func (s *store) String() string { return fmt.Sprintf("store %d", s.id) }

// open opens the store of a machine, as its disks hold it.
func open(y *System, env *sim.Env) (*store, error) {
	id, ok := y.home(env)
	if !ok {
		return nil, nil
	}
	s := &store{system: y, env: env, id: id, files: files{env.Files(), nil}, open: map[uint64]waiting{}, asked: map[uint64]*metapb.Region{}, reported: map[uint64]uint64{}}
	s.files.s = s
	var err error
	if s.log, err = env.Disk("raft", raftstore.RaftFamilies...); err != nil {
		return nil, err
	}
	kv, err := env.Disk("kv", raftstore.KVFamilies...)
	if err != nil {
		return nil, err
	}
	if s.data, err = newSummed(kv, y.fates.wrote, s.wrote, s.synced); err != nil {
		return nil, err
	}
	if err := s.found(); err != nil {
		return nil, err
	}
	s.raft, s.kv = meter.New(s.log), meter.New(s.data)
	cfg := raftstore.Config{
		ClusterID: clusterID, StoreID: s.id,
		RaftEngine: observed{s.raft, s, "raft"}, KVEngine: observed{s.kv, s, "kv"}, Files: s.files,
		Transport: network{s}, Executor: background{s},
		RandIntN:      env.RandIntN,
		ElectionTicks: electionTicks, HeartbeatTicks: heartbeatTicks,
		MaxLogEntries: y.opts.MaxLogEntries,
		Logger:        env.Logger,
		Applied:       s.applied,
	}
	if len(env.Setting.Machines(sim.Scheduler)) > 0 {
		cfg.Scheduler = reports{s}
		cfg.RegionHeartbeatTicks, cfg.StoreHeartbeatTicks = regionHeartbeatTicks, storeHeartbeatTicks
		cfg.SplitSize, cfg.SplitKey = y.opts.SplitSize, transaction.SplitKey
	}
	if y.opts.Disorder {
		s.shuffler = &shuffler{network: network{s}}
		cfg.Transport = s.shuffler
		cfg.RaftEngine, cfg.KVEngine = flushing{cfg.RaftEngine, s.shuffler}, flushing{cfg.KVEngine, s.shuffler}
	}
	s.Store, err = raftstore.Open(cfg)
	if err == raftstore.ErrNotBootstrapped {
		// New, or a start that was cut off: it has promised nothing to
		// anybody, so that it may begin again.
		if err := s.erase(); err != nil {
			return nil, err
		}
		if err := raftstore.Bootstrap(&cfg, y.regionsOn(s.id)...); err != nil {
			return nil, err
		}
		s.Store, err = raftstore.Open(cfg)
	}
	if err != nil {
		return nil, err
	}
	storage := access{replicated.Access{Requests: watched{store: s, command: check.Command{Store: env.ID}}}}
	s.rpcs = server.New(storage)
	if y.opts.Collect {
		// A question is answered at once, so that handlers that run side by side get the same
		// answer.
		guard := server.NewGuard(func(context.Context) (transaction.SafePoint, error) {
			return y.safe.advance(transaction.SafePoint{}), nil
		}, nil)
		s.rpcs = guard.Server(server.New(guard.Storage(storage)), storage)
	}
	return s, nil
}

// erase empties both engines.
func (s *store) erase() error {
	for _, e := range []struct {
		engine   engine.Engine
		families []engine.CF
	}{{s.log, raftstore.RaftFamilies}, {s.data, raftstore.KVFamilies}} {
		for _, cf := range e.families {
			if err := e.engine.DeleteRange(cf, engine.Range{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Pass implements sim.Process.
func (s *store) Pass() bool {
	worked := s.pass()
	return s.turns.giveAnswers() || worked
}

func (s *store) pass() (worked bool) {
	if s.Err() != nil {
		if !s.exits && excused(s.Err()) {
			s.exits = true
			s.env.Exit()
		}
		return false
	}
	s.turns.submitRequests()
	s.passing = true
	worked = s.Store.Pass()
	s.passing = false
	s.shuffler.flush()
	if !worked {
		return false
	}
	s.look()
	for _, p := range s.peers {
		if st, _ := s.Status(p.region); st.Installing {
			p.installs = true
		}
	}
	return true
}

// applied is told of entries that the store has applied.
func (s *store) applied(region, peer uint64, entries []*eraftpb.Entry) {
	for _, e := range entries {
		sum := maphash.Bytes(seed, e.Data) ^ e.Term<<32 ^ uint64(e.EntryType) | 1
		s.note(s.system.groups.Applied(s.replica(region, peer), e.Index, sum))
	}
	s.system.fates.applied(region, entries)
}

// note keeps a violation that was seen in the middle of an event, unless there is one
// already, or the machine has crashed.
func (s *store) note(err error) {
	if err != nil && s.lied == nil && !s.dead() {
		s.lied = err
	}
}

// failed returns why the store gave up without a reason, or nil.
func (s *store) failed() error {
	if err := s.Err(); err != nil && !excused(err) {
		return err
	}
	return nil
}

// dead reports whether the machine has crashed under the store.
func (s *store) dead() bool { return !s.env.Alive() }

// Close implements sim.Process.
func (s *store) Close() {
	if s.dead() && s.installing() {
		s.system.world.Reach(CrashedInstalling)
	}
	s.turns.end()
	s.Store.Close()
	// They may be closed already, by a crash.
	_ = s.data.Close()
	_ = s.log.Close()
}

// Leads implements sim.Leader: a store leads if one of its peers does.
func (s *store) Leads() bool { return slices.ContainsFunc(s.peers, (*peer).leads) }

// Services implements sim.Server.
func (s *store) Services() []sim.Service {
	return []sim.Service{{Desc: &tinykvpb.TinyKv_ServiceDesc, Impl: commands{s.rpcs, s}}}
}

// A waiting is a command that was not answered yet.
type waiting struct {
	since   time.Duration
	request string
	region  uint64
	write   string        // as the log of the run names it, "" if it is a read
	command check.Command // of a client
}

// expect notes that a client's command for a region is submitted, a read if ops is
// empty. It returns what is to be called when it is answered.
func (s *store) expect(region uint64, command check.Command, ops []engine.Op) (answered func()) {
	w := waiting{region: region, write: textOfOps(ops), command: command}
	answered = s.await(&w, cmp.Or(w.write, "a read"))
	if len(ops) > 0 {
		s.tellSubmitted(w)
	}
	return answered
}

// await notes that w is submitted, and returns what is to be called when it is answered.
func (s *store) await(w *waiting, what string) (answered func()) {
	w.since = s.env.Now()
	w.request = fmt.Sprintf("%s, which store %d was given at %.3fs,", what, s.id, w.since.Seconds())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	n := s.number
	s.open[n] = *w
	once := s.answers.Expect(w.request)
	return func() {
		s.mu.Lock()
		delete(s.open, n)
		s.mu.Unlock()
		once()
	}
}

// oldest returns the command that waits for longest, and whether any does.
func (s *store) oldest() (waiting, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) == 0 {
		return waiting{}, false
	}
	return s.open[slices.Min(slices.Collect(maps.Keys(s.open)))], true
}

// waits reports whether a command for a region waits for its answer.
func (s *store) waits(region uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.open {
		if w.region == region {
			return true
		}
	}
	return false
}

// isDiskError reports whether e says that the disk failed, or lost something.
func isDiskError(e error) bool {
	switch e.(type) {
	case *engine.SyncError, *raftstore.CorruptSnapshotError:
		return true
	}
	return e == memory.ErrIO || e == engine.ErrDiskFull || e == engine.ErrClosed
}

var (
	_ sim.Process  = (*store)(nil)
	_ sim.Reporter = (*store)(nil)
	_ sim.Leader   = (*store)(nil)
	_ sim.Server   = (*store)(nil)
)

// message returns what p carries.
func message(p *sim.Packet) *raftserverpb.RaftMessage { return p.Body.(*raftserverpb.RaftMessage) }
