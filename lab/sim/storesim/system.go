package storesim

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/raft"
)

// What a run with stores can come to, beside what every run can.
const (
	// AskedOldLeader is about a leader that others have replaced without its
	// knowing.
	AskedOldLeader    sim.Goal = "a client asked a leader that had been replaced"
	DeposedWaiting    sim.Goal = "a leader was deposed while a command waited for it"
	ProposalReplaced  sim.Goal = "the place of a proposal in the log went to another leader's entry"
	LogCompacted      sim.Goal = "a log was compacted"
	SnapshotInstalled sim.Goal = "a store installed a snapshot"
	SnapshotUseless   sim.Goal = "a snapshot came to a store that had what was in it"
	SnapshotRepeated  sim.Goal = "a snapshot came to a store that was installing one"
	SnapshotCorrupt   sim.Goal = "a snapshot file was found to be corrupt"
	CrashedInstalling sim.Goal = "a store crashed while it was installing a snapshot"
	DiskWasFull       sim.Goal = "a store found its disk full"
	RegionSplit       sim.Goal = "a region was split"
	MemberAdded       sim.Goal = "a region got a member"
	MemberRemoved     sim.Goal = "a region lost a member"
	PeerLeft          sim.Goal = "a peer that was removed left its store"
	EpochRefused      sim.Goal = "a request was refused because its region had changed"
)

// The rules of this package.
const (
	RuleKeepsGoing = "a store gives up only if it cannot rely on its disk"
)

// AnswerBound is how long a command may wait for its answer once all
// faults are over.
const AnswerBound = 10 * time.Second

// The clock of a store, in ticks.
const (
	electionTicks        = 10
	heartbeatTicks       = 2
	regionHeartbeatTicks = 8
	storeHeartbeatTicks  = 10
)

const clusterID = 1

// Options say how the stores of a run are set up.
type Options struct {
	// Regions are the regions that the cluster begins with, for stores with
	// these ids; nil for FirstRegion.
	Regions func(stores []uint64) []*metapb.Region
	// MaxLogEntries is raftstore.Config.MaxLogEntries; with 0 no log is compacted.
	MaxLogEntries uint64
	// ShortLogs makes sure that logs are compacted soon, in memory and on the
	// disk. It is for scenarios in which nothing keeps a store from that.
	ShortLogs bool
	// Background makes sure that passes leave slow work to the Executor.
	Background bool
	// SettledLog is the number of entries that a log may have once the region is
	// settled and all clients are done. 0 for no limit.
	SettledLog uint64
	// Registry makes the machine that is a scheduler a registry of the harness: stores
	// are under test, and no scheduler.
	Registry bool
	// Replicas is the number of replicas that the scheduler gives each region, if there
	// is one, and SplitSize the size in bytes from which on regions are split.
	Replicas  uint32
	SplitSize uint64
	// Balanced makes it part of being settled that no peer and no leadership needs to
	// move for all stores to have about the same load.
	Balanced bool
	// Transactions says that clients use transactions, whose writes may be repeated: a
	// store may write what is there already.
	Transactions bool
	// Collect makes stores guard what clients remove of old versions; see server.Guard. It
	// needs a registry.
	Collect bool
	// Disorder makes stores send in random order of the destinations what they
	// send at a time. A run is the same run with it.
	Disorder bool
}

// FirstRegion is the region that covers all keys when a cluster begins: the peer
// on each store has the store's id.
func FirstRegion(stores []uint64) *metapb.Region {
	r := &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}}
	for _, id := range stores {
		r.Peers = append(r.Peers, &metapb.Peer{Id: id, StoreId: id})
	}
	return r
}

// System is the stores of one run. It implements sim.System.
type System struct {
	world   *sim.World
	opts    Options
	groups  *check.Groups
	ranges  *check.Ranges
	members *check.Members
	// regions are the regions that the cluster began with, by id ascending.
	regions []*metapb.Region
	homes   homes
	ids     ids
	// operations are what operators do, by the faults' ids, and kept is what they were
	// answered. drained says until when a machine gets no new peers.
	operations map[int]*operation
	kept       kept
	drained    map[uint64]time.Duration
	// retired are the stores that the scheduler was asked to take out of service.
	retired map[uint64]bool
	// known are the stores that the scheduler has admitted.
	known map[uint64]bool
	// orders are the orders that the registry gives, by region.
	orders map[uint64]standingOrder
	oracle oracle
	// safe is the safe point of a run that has a registry. Like the oracle, it never goes back.
	safe safePoint

	fates        fates
	transactions transactions
	promises     promises

	// stores and managers are the present incarnations, by machine.
	stores   map[uint64]*store
	managers map[uint64]*manager
	twin     twin
	// healed is when everything was well again, 0 before.
	healed time.Duration
	leaks  leaks
}

// New returns a function that makes the stores of a run, for a sim.Scenario.
func New(opts Options) func(*sim.World) sim.System {
	if opts.MaxLogEntries == 0 {
		opts.MaxLogEntries = math.MaxUint64 / 16
	}
	if opts.Regions == nil {
		opts.Regions = func(stores []uint64) []*metapb.Region { return []*metapb.Region{FirstRegion(stores)} }
	}
	return func(w *sim.World) sim.System {
		return &System{
			world: w, opts: opts, groups: check.NewGroups(), ranges: check.NewRanges(), members: check.NewMembers(),
			homes: newHomes(), operations: map[int]*operation{}, drained: map[uint64]time.Duration{},
			orders: map[uint64]standingOrder{}, retired: map[uint64]bool{}, known: map[uint64]bool{},
			fates: newFates(opts.Transactions), promises: newPromises(), transactions: transactions{regions: map[uint64]uint64{}}, stores: map[uint64]*store{}, managers: map[uint64]*manager{},
		}
	}
}

// Boot implements sim.System.
func (y *System) Boot(env *sim.Env) (sim.Process, error) {
	if y.regions == nil {
		y.regions = y.opts.Regions(env.Setting.Machines(sim.Store))
		y.takeStock(len(env.Setting.Machines(sim.Store)))
	}
	p, err := y.boot(env)
	if err != nil && excused(err) {
		env.Exit()
		return nil, nil
	}
	return p, err
}

func (y *System) boot(env *sim.Env) (sim.Process, error) {
	if env.Role == sim.Scheduler && y.opts.Registry {
		return newRegistry(y, env), nil
	}
	if env.Role == sim.Scheduler {
		m, err := openManager(y, env)
		if err != nil {
			return nil, err
		}
		y.managers[env.ID] = m
		return m, nil
	}
	s, err := open(y, env)
	if err != nil {
		return nil, err
	}
	if s == nil {
		env.Exit() // it cannot join now, and tries again
		return nil, nil
	}
	y.stores[env.ID] = s
	return s, nil
}

// Watch implements sim.System.
func (y *System) Watch(id uint64, p sim.Process) error {
	s, ok := p.(*store)
	if !ok {
		return watchManager(p)
	}
	if err := s.failed(); err != nil {
		return &check.Violation{Rule: RuleKeepsGoing, Found: fmt.Sprintf("%v gives up: %v", s, err)}
	}
	if s.exits || s.dead() {
		return nil
	}
	s.look()
	if s.lied != nil {
		return s.lied
	}
	if err := y.leaks.violation(); err != nil {
		return err
	}
	if err := s.answers.Violation(); err != nil {
		return err
	}
	if err := y.fates.violation(); err != nil {
		return err
	}
	if err := y.watchAnswers(s); err != nil {
		return err
	}
	if err := watchOpen(s); err != nil {
		return err
	}
	for _, p := range s.peers {
		st, ok := s.Status(p.region)
		// A peer that is being removed takes nothing on any more: what came with the
		// news of its removal stays in memory, if the disk has no room for a tombstone.
		if !ok || st.Busy || st.Leaving || s.leaves(p) {
			continue
		}
		if err := y.watchPeer(s, p, st); err != nil {
			return err
		}
	}
	return nil
}

// watchManager checks that a scheduler gives up only if its disk gave it a reason.
func watchManager(p sim.Process) error {
	m, ok := p.(*manager)
	if !ok || m.err == nil || excused(m.err) {
		return nil
	}
	return &check.Violation{Rule: RuleKeepsGoing, Found: fmt.Sprintf("scheduler %d gives up: %v", m.env.ID, m.err)}
}

// watchPeer checks a peer of s, which is idle.
func (y *System) watchPeer(s *store, p *peer, st raftstore.Status) error {
	leads := st.RaftState == raft.StateLeader
	if p.leads() && !leads {
		if s.waits(p.region) {
			s.env.Reach(DeposedWaiting)
		}
	}
	if st.FirstIndex > p.status.FirstIndex && p.status.FirstIndex > 0 && !p.installs {
		s.env.Reach(LogCompacted)
	}
	if p.installs && !st.Installing {
		s.tellInstalled(p, st.Applied)
		p.installs = false
	}
	compacted := st.FirstIndex != p.status.FirstIndex
	if err := watchLog(s, p, st); err != nil {
		return err
	}
	s.tellState(p, st)
	applied := st.Applied != p.status.Applied || p.status.Term == 0
	p.status = st
	replica := s.replica(p.region, st.ID)
	if err := y.groups.Observe(replica, s.env.Incarnation, check.Status{
		Term: st.Term, Vote: st.Vote, Commit: st.Commit, Applied: st.Applied, Last: st.LastIndex, Leads: leads,
	}); err != nil {
		return err
	}
	if applied {
		if state := s.data.state(p.region); isHere(state) {
			if err := y.members.Applied(replica, state.Region); err != nil {
				return err
			}
		}
		if err := y.groups.Data(replica, st.Applied, s.data.total(p.region)); err != nil {
			v := err.(*check.Violation)
			v.Fate = y.difference(s, p)
			return v
		}
	}
	if compacted {
		return watchCompaction(s, p.region, st)
	}
	return nil
}

// difference tells how the data of s's peer p differ from the data of another
// store that has applied as much, "" if there is none.
func (y *System) difference(s *store, p *peer) string {
	for _, id := range s.env.Setting.Machines(sim.Store) {
		o := y.stores[id]
		if o == nil || o == s || o.dead() || o.peer(p.region) == nil || o.peer(p.region).status.Applied != p.status.Applied || o.data.total(p.region) == s.data.total(p.region) {
			continue
		}
		mine, theirs := s.data.content(p.region), o.data.content(p.region)
		all := map[string]string{}
		maps.Copy(all, mine)
		maps.Copy(all, theirs)
		for _, at := range slices.Sorted(maps.Keys(all)) {
			if mine[at] != theirs[at] {
				return fmt.Sprintf("%s is %s on store %d, and %s on store %d", at, orNothing(mine[at]), s.id, orNothing(theirs[at]), o.id)
			}
		}
	}
	return ""
}

func orNothing(value string) string {
	if value == "" {
		return "absent"
	}
	return value
}

// watchAnswers checks that no command waits for longer than AnswerBound.
func (y *System) watchAnswers(s *store) error {
	if y.healed == 0 || s.env.Now()-y.healed < AnswerBound {
		return nil
	}
	w, waits := s.oldest()
	if !waits || s.env.Now()-w.since < AnswerBound {
		return nil
	}
	return &check.Violation{Rule: check.RuleAnswers, About: w.command, Found: fmt.Sprintf(
		"%s was not answered within %v, although all faults are over", w.request, AnswerBound)}
}

// replaced reports whether a store leads a region only because it has not heard
// better.
func (y *System) replaced(s *store, region uint64) bool {
	p := s.peer(region)
	if p == nil || !p.leads() {
		return false
	}
	for _, other := range y.stores {
		if o := other.peer(region); o != nil && o.leads() && o.status.Term > p.status.Term && !other.dead() {
			return true
		}
	}
	return false
}

// shortened returns text, or the beginning of it.
func shortened(text string) string {
	const most = 200
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

func kindOf(m *eraftpb.Message) string { return m.GetMsgType().String()[len("Msg"):] }

// excused reports whether err is about the disk, so that the store is right to
// give up.
func excused(err error) bool { return errors.Find(err, isDiskError) != nil }
