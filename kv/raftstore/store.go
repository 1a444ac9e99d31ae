package raftstore

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// Config holds what a store is opened with.
type Config struct {
	// ClusterID and StoreID identify the store. The engines record them,
	// and Open refuses the engines of another store.
	ClusterID, StoreID uint64

	// RaftEngine holds the logs, KVEngine the data. The caller opens them
	// with RaftFamilies and KVFamilies, and closes them after the store.
	RaftEngine, KVEngine engine.Engine

	// Files keeps snapshots.
	Files Files

	// Transport carries messages to other stores.
	Transport Transport

	// Executor runs slow work.
	Executor Executor

	// Scheduler manages the cluster. It may be nil: then regions change only if
	// somebody asks for it.
	Scheduler Scheduler
	// RegionHeartbeatTicks and StoreHeartbeatTicks are the ticks between reports to
	// the scheduler; 0 means 20 and 50.
	RegionHeartbeatTicks, StoreHeartbeatTicks int
	// SplitSize is the size in bytes, of keys and values, from which on a region is
	// split. It is split somewhat later: sizes are looked at with heartbeats. 0 means
	// that only somebody who asks for it has it split.
	SplitSize uint64
	// SplitKey returns where a region is split instead of at a key, which is there or
	// before. It keeps what belongs together, as the versions of a key, in one region.
	// nil means that a region may be split at any key.
	SplitKey func(key []byte) []byte

	// RandIntN returns a number in [0, n) for a region, uniformly
	// distributed. It is the store's only source of randomness.
	RandIntN func(regionID uint64, n int) int

	// ElectionTicks and HeartbeatTicks are as in raft.Config.
	ElectionTicks, HeartbeatTicks int

	// MaxLogEntries is the number of applied entries that a log may keep
	// before it is compacted.
	MaxLogEntries uint64

	Logger *slog.Logger

	// Applied, if it is not nil, is told in a pass of each batch of entries
	// whose effects have been written to the kv engine. A simulator compares
	// what replicas apply, a program counts them.
	Applied func(regionID, peerID uint64, entries []*eraftpb.Entry)

	// Around, if it is not nil, is called by Run for each pass and calls pass,
	// once. A program measures with it how long passes take: the store itself
	// reads no clock.
	Around func(pass func())
}

// A Transport carries messages to the peers on other stores.
type Transport interface {
	// Send sends m to the store of m.ToPeer on a best-effort basis: m may
	// be lost, delayed, repeated or reordered. Send never blocks, and m
	// must not be changed. A transport that knows that m did not leave
	// calls the store's ReportUnreachable; for every snapshot it calls
	// ReportSnapshot, exactly once.
	Send(m *raftserverpb.RaftMessage)
}

// An Executor runs slow work.
type Executor interface {
	// Go makes work run soon, on another goroutine, and does not wait for
	// it. Later the executor calls the done that work returned: it is never
	// nil, and hands the result to the store. Between the two, anything may
	// happen to the store.
	Go(work func() (done func()))
}

// A Store holds the peers of one store. Its methods may be called from several
// goroutines at once.
type Store struct {
	cfg   Config
	queue *runQueue

	directory *directory
	lobby     *lobby

	// stopped is the reason why the store has ended. It is set once, when the store is closed
	// or has failed.
	stopped atomic.Pointer[error]

	// Each pass holds passes for reading. Close holds it for writing, and
	// so waits for the passes under way.
	passes sync.RWMutex

	// diskFull is set by a write that finds the disk full, and cleared by
	// the next write that succeeds.
	diskFull atomic.Bool
}

// Bootstrap writes the first state of a store into its empty engines: its
// identity, and its replicas of regions. Every store of a cluster begins with
// the same regions. Bootstrap returns an error if the engines are not empty.
func Bootstrap(c *Config, regions ...*metapb.Region) error {
	ident := &raftserverpb.StoreIdent{ClusterId: c.ClusterID, StoreId: c.StoreID}
	for _, e := range []struct {
		engine engine.Engine
		cf     engine.CF
	}{{c.RaftEngine, cfRaft}, {c.KVEngine, cfMeta}} {
		it, err := e.engine.Iterate(e.cf, engine.Range{})
		if err != nil {
			return err
		}
		it.Seek(nil)
		used := it.Valid()
		if err := it.Close(); err != nil {
			return err
		}
		if used {
			return errors.New("cannot bootstrap a store: its engines are not empty")
		}
	}
	var log, data engine.Batch
	for _, r := range regions {
		put(&log, cfRaft, stateKey(r.Id), firstLog())
		put(&data, cfMeta, stateKey(r.Id), firstState(r, region.PeerOn(r, c.StoreID)))
	}
	// The kv engine's identity comes last: with it, the store is complete.
	put(&log, cfRaft, identKey(), ident)
	put(&data, cfMeta, identKey(), ident)
	if err := c.RaftEngine.Write(&log, true); err != nil {
		return err
	}
	return c.KVEngine.Write(&data, true)
}

// A StrangerError is returned for engines that belong to another store.
type StrangerError struct {
	What         string // "cluster" or "store"
	Has, Expects uint64
}

func (e *StrangerError) Error() string {
	return fmt.Sprintf("the data belong to %s %d, not %d", e.What, e.Has, e.Expects)
}

// ErrNotBootstrapped is returned for engines that hold no store yet.
var ErrNotBootstrapped = errors.NewNoStackError("the engines hold no store yet")

// Open returns the store that the engines hold, after a clean end or after a
// crash, and finishes what a crash interrupted. It returns ErrNotBootstrapped
// or a *StrangerError if the engines hold no store or another one. The store
// does nothing before Pass or Run is called.
func Open(c Config) (*Store, error) {
	if err := checkIdent(&c); err != nil {
		return nil, err
	}
	if c.RegionHeartbeatTicks == 0 {
		c.RegionHeartbeatTicks = defaultRegionHeartbeatTicks
	}
	if c.SplitKey == nil {
		c.SplitKey = func(key []byte) []byte { return key }
	}
	if c.StoreHeartbeatTicks == 0 {
		c.StoreHeartbeatTicks = defaultStoreHeartbeatTicks
	}
	s := &Store{cfg: c, queue: newRunQueue(), directory: newDirectory()}
	s.lobby = newLobby(s)
	states, err := loadRegionStates(c.KVEngine)
	if err != nil {
		return nil, err
	}
	for _, state := range states {
		if state.Tombstone {
			if state.Region.RegionEpoch != nil {
				bury := c.bury
				if state.AppliedIndex != 0 { // a split's
					bury = c.buryOrphan
				}
				if err := bury(state.Region, state.PeerId); err != nil {
					return nil, errors.Annotatef(err, "region %d: cannot finish removing the peer", state.Region.Id)
				}
			}
			s.directory.bury(state.Region.Id, state.PeerId)
			continue
		}
		if state.Restoring != nil {
			installed, err := c.installSnapshot(state, state.Restoring)
			if err != nil {
				return nil, errors.Annotatef(err, "region %d: cannot finish installing a snapshot", state.Region.Id)
			}
			state = installed
		}
		p, err := newPeer(s, state)
		if err != nil {
			return nil, errors.Annotatef(err, "region %d", state.Region.Id)
		}
		p.durableMembers = p.epoch().GetConfVer()
		if err := s.directory.add(p); err != nil {
			return nil, err
		}
	}
	// No snapshot is under way yet, so every file that is left is of no
	// use.
	names, err := c.Files.List()
	if err != nil {
		return nil, errors.Annotate(err, "cannot list the snapshot files")
	}
	for _, name := range names {
		if err := c.Files.Remove(name); err != nil {
			return nil, errors.Annotatef(err, "cannot remove snapshot file %s", name)
		}
	}
	return s, nil
}

func checkIdent(c *Config) error {
	for _, e := range []struct {
		engine engine.Engine
		cf     engine.CF
	}{{c.RaftEngine, cfRaft}, {c.KVEngine, cfMeta}} {
		ident := &raftserverpb.StoreIdent{}
		if err := load(e.engine, e.cf, identKey(), ident); err != nil {
			return err
		}
		switch {
		case ident.StoreId == 0:
			return ErrNotBootstrapped
		case ident.ClusterId != c.ClusterID:
			return &StrangerError{"cluster", ident.ClusterId, c.ClusterID}
		case ident.StoreId != c.StoreID:
			return &StrangerError{"store", ident.StoreId, c.StoreID}
		}
	}
	return nil
}

// loadRegionStates returns the states of all regions, in the order of their
// ids.
func loadRegionStates(kv engine.Engine) ([]*raftserverpb.RegionState, error) {
	it, err := kv.Iterate(cfMeta, stateRange())
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var states []*raftserverpb.RegionState
	for it.Seek(nil); it.Valid(); it.Next() {
		state := &raftserverpb.RegionState{}
		err := proto.Unmarshal(it.Value(), state)
		if err == nil && !bytes.Equal(it.Key(), stateKey(state.Region.GetId())) {
			err = errors.Errorf("it is of region %d", state.Region.GetId())
		}
		if err == nil && state.Region.GetRegionEpoch() == nil && !state.Tombstone && state.Restoring == nil {
			err = errors.New("the region has no epoch")
		}
		if err != nil {
			return nil, errors.Annotatef(err, "the state of a region, record %x, is corrupt", it.Key())
		}
		states = append(states, state)
	}
	return states, it.Close()
}

// Write gives w to the peer of its region.
func (s *Store) Write(w *Write) { s.submit(w.context.GetRegionId(), event{write: w}) }

// Read gives r to the peer of its region.
func (s *Store) Read(r *Read) { s.submit(r.Context.GetRegionId(), event{read: r}) }

// Admin gives a to the peer of its region.
func (s *Store) Admin(a *Admin) { s.submit(a.Context.GetRegionId(), event{admin: a}) }

// submit gives a request to the peer of a region.
func (s *Store) submit(regionID uint64, request event) {
	p := s.directory.peer(regionID)
	if p == nil {
		request.refuse(region.RegionNotFound(regionID))
		return
	}
	if p.put(request) {
		return
	}
	if s.Err() == nil { // the peer was removed at this moment
		request.refuse(region.RegionNotFound(regionID))
		return
	}
	request.refuse(storage.ErrNotRunning)
}

// Step gives m to the peer of its region. A message for a region that has no
// peer here may create one. Otherwise it is dropped, and its snapshot file removed.
func (s *Store) Step(m *raftserverpb.RaftMessage) {
	switch p := s.directory.peer(m.GetRegionId()); {
	case m.GetMessage() == nil && !m.GetIsTombstone() && !m.GetAsksToLeave():
	case m.ToPeer.GetStoreId() != s.cfg.StoreID:
		s.lobby.drop(m)
	case p == nil:
		s.lobby.put(m)
	case !p.put(event{message: m}):
		// Too many wait, or the peer was removed at this moment. To the lobby the
		// message would look like one for a region that is not here.
		s.lobby.drop(m)
	}
}

// ReportUnreachable reports that a message to a peer did not leave.
func (s *Store) ReportUnreachable(regionID, peerID uint64) {
	s.do(regionID, func(p *peer) { p.node.ReportUnreachable(peerID) })
}

// ReportSnapshot reports whether a snapshot that was sent to a peer has
// arrived.
func (s *Store) ReportSnapshot(regionID, peerID uint64, arrived bool) {
	s.do(regionID, func(p *peer) {
		if !arrived {
			p.inspectSnapshot()
		}
		p.node.ReportSnapshot(peerID, arrived)
	})
}

func (s *Store) do(regionID uint64, f func(*peer)) {
	if p := s.directory.peer(regionID); p != nil {
		p.put(event{do: f})
	}
}

// Tick advances the clock of every peer by one tick.
func (s *Store) Tick() {
	s.lobby.tick()
	for _, p := range s.directory.all() {
		p.inbox.tick()
		s.queue.wake(p)
	}
}

// Run makes passes until the store is closed or has failed, and returns Err.
// Several goroutines may call it: passes that run at the same time have
// different peers.
func (s *Store) Run() error {
	for {
		taken := s.queue.wait(passSize)
		if len(taken) == 0 {
			return s.Err()
		}
		if s.cfg.Around == nil {
			s.pass(taken)
		} else {
			s.cfg.Around(func() { s.pass(taken) })
		}
	}
}

// Err returns nil while the store works, storage.ErrNotRunning after Close, and
// after a failure the error that stopped the store.
func (s *Store) Err() error {
	if reason := s.stopped.Load(); reason != nil {
		return *reason
	}
	return nil
}

// stop ends the store: Run begins no further pass. If stop is called several
// times, the first reason counts.
func (s *Store) stop(reason error) {
	if s.stopped.CompareAndSwap(nil, &reason) {
		s.queue.close()
	}
}

// Close stops the store, waits for the passes under way, and answers every
// request that still waits. It must not be called in a pass.
func (s *Store) Close() {
	s.stop(storage.ErrNotRunning)
	s.passes.Lock()
	defer s.passes.Unlock()
	for _, p := range s.directory.all() {
		p.abandon()
	}
}
