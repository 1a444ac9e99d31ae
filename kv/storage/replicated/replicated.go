// Package replicated implements a storage whose data are on several stores:
// every write goes through the Raft log of its region, and every read comes
// from a leader that has made sure that it still leads.
//
// Package raftstore does the work. This package gives it what a program has and
// a simulation does not have: goroutines that make its passes, a clock that
// ticks, a pool for slow work, and the network.
package replicated

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/raftstore/transport"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A Config identifies a store, and says where its data are and how its clock
// ticks.
type Config struct {
	// ClusterID and StoreID identify the store.
	ClusterID, StoreID uint64

	// Addrs is where the other stores listen, host:port by store id.
	Addrs map[uint64]string

	// Open opens the disk of the store, which must have been bootstrapped.
	// Every Start calls it once.
	Open func() (*Disk, error)

	// Tick is the time between two ticks. A leader sends heartbeats every
	// HeartbeatTicks ticks. A peer that hears from no leader for
	// ElectionTicks to twice as many ticks campaigns. 0 means the default.
	Tick                          time.Duration
	HeartbeatTicks, ElectionTicks int

	// MaxLogEntries is the number of applied entries that a region's log
	// keeps before it is compacted. 0 means the default.
	MaxLogEntries uint64

	// SplitSize and SplitKey are as in raftstore.Config. They need a scheduler.
	SplitSize uint64
	SplitKey  func(key []byte) []byte

	Logger *slog.Logger

	// Around and Applied are as in raftstore.Config. They may be nil.
	Around  func(pass func())
	Applied func(regionID, peerID uint64, entries []*eraftpb.Entry)
}

// Defaults of Config.
const (
	DefaultTick           = 100 * time.Millisecond
	DefaultHeartbeatTicks = 1
	DefaultElectionTicks  = 10
	DefaultMaxLogEntries  = 10_000
)

// A Disk holds the data of a store. Its engines are opened with
// raftstore.RaftFamilies and raftstore.KVFamilies.
type Disk struct {
	Raft, KV engine.Engine
	Files    transport.Files
	// Close closes the other fields. It is called once, after their last
	// use.
	Close func() error

	// Link is the store's connection with the scheduler of its cluster; nil if it
	// has none.
	Link *Link
}

// A Link connects a store with the scheduler of its cluster. The scheduler has given
// the store its identity, which replaces that of the Config.
type Link struct {
	ClusterID, StoreID uint64

	// Lookup finds the other stores; see transport.Config. It is used instead of
	// the addresses of the Config.
	Lookup func(ctx context.Context, store uint64) (addr string, err error)

	// Scheduler takes reports and questions of the store, from the beginning.
	Scheduler raftstore.Scheduler
	// Start is called once, before the store's first pass. From then on answers
	// may go to the store.
	Start func(*raftstore.Store)
	// Close is called after Start. When it returns, no more answers come.
	Close func()
}

// A Storage implements storage.Storage over a raftstore.Store, and serves the
// streams of other stores.
type Storage struct {
	cfg Config

	mu sync.RWMutex
	// running is nil while the storage does not run.
	running *instance
}

var _ storage.Storage = (*Storage)(nil)

// New returns a storage that is not started yet.
func New(cfg Config) *Storage {
	if cfg.Tick == 0 {
		cfg.Tick = DefaultTick
	}
	if cfg.HeartbeatTicks == 0 {
		cfg.HeartbeatTicks = DefaultHeartbeatTicks
	}
	if cfg.ElectionTicks == 0 {
		cfg.ElectionTicks = DefaultElectionTicks
	}
	if cfg.MaxLogEntries == 0 {
		cfg.MaxLogEntries = DefaultMaxLogEntries
	}
	return &Storage{cfg: cfg}
}

// Start opens the disk and starts the store. If Start returns an error, the
// disk is closed again.
func (s *Storage) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return storage.ErrRunning
	}
	i, err := start(&s.cfg)
	if err != nil {
		return err
	}
	s.running = i
	return nil
}

// Stop ends the store and closes the disk. Calls under way end with an error.
// Stop does nothing while the storage does not run.
func (s *Storage) Stop() error {
	s.mu.Lock()
	i := s.running
	s.running = nil
	s.mu.Unlock()
	if i == nil {
		return nil
	}
	return i.stop()
}

// Failed returns a channel that is closed when the store cannot go on, because
// the state of its disk is no longer certain; Err says why. The caller can do
// no more than call Stop. The channel is nil while the storage does not run.
func (s *Storage) Failed() <-chan struct{} {
	if i := s.instance(); i != nil {
		return i.failed
	}
	return nil
}

// Err returns why the store failed, or nil if it did not.
func (s *Storage) Err() error {
	if i := s.instance(); i != nil {
		select {
		case <-i.failed:
			return i.failure
		default:
		}
	}
	return nil
}

// Raft serves a stream of tinykvpb.TinyKv between stores.
func (s *Storage) Raft(stream tinykvpb.TinyKv_RaftServer) error {
	if i := s.instance(); i != nil {
		return i.transport.Raft(stream)
	}
	return storage.ErrNotRunning
}

// Snapshot serves a stream of tinykvpb.TinyKv between stores.
func (s *Storage) Snapshot(stream tinykvpb.TinyKv_SnapshotServer) error {
	if i := s.instance(); i != nil {
		return i.transport.Snapshot(stream)
	}
	return storage.ErrNotRunning
}

func (s *Storage) instance() *instance {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.running
}

// Write implements storage.Storage; see Access.
func (s *Storage) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	a, err := s.access()
	if err != nil {
		return err
	}
	return a.Write(ctx, rc, ops)
}

// Reader implements storage.Storage; see Access.
func (s *Storage) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	a, err := s.access()
	if err != nil {
		return nil, err
	}
	return a.Reader(ctx, rc)
}

// Draft implements storage.Drafter; see Access.
func (s *Storage) Draft(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	a, err := s.access()
	if err != nil {
		return nil, err
	}
	return a.Draft(ctx, rc)
}

func (s *Storage) access() (Access, error) {
	if i := s.instance(); i != nil {
		return Access{i.store}, nil
	}
	return Access{}, storage.ErrNotRunning
}

// An instance is a store from Start to Stop.
type instance struct {
	disk      *Disk
	store     *raftstore.Store
	transport *transport.Transport
	pool      *pool
	stopping  chan struct{}
	loops     sync.WaitGroup
	link      *Link // nil without a scheduler

	// failed is closed when the store cannot go on, and failure is why.
	failed  chan struct{}
	failure error
}

const (
	// runners is the number of goroutines that make passes. While one waits
	// for a sync, another one works for other regions.
	runners = 4
	// workers is the number of goroutines that do slow work.
	workers = 2
)

func start(cfg *Config) (*instance, error) {
	disk, err := cfg.Open()
	if err != nil {
		return nil, err
	}
	network := transport.Config{
		ClusterID: cfg.ClusterID,
		StoreID:   cfg.StoreID,
		Addrs:     cfg.Addrs,
		Files:     disk.Files,
		Rand:      rand.Uint64,
		Logger:    cfg.Logger,
	}
	var scheduler raftstore.Scheduler
	if link := disk.Link; link != nil {
		cfg.ClusterID, cfg.StoreID = link.ClusterID, link.StoreID
		network.ClusterID, network.StoreID, network.Lookup = link.ClusterID, link.StoreID, link.Lookup
		scheduler = link.Scheduler
	}
	i := &instance{
		disk:      disk,
		link:      disk.Link,
		transport: transport.New(network),
		pool:      newPool(workers),
		stopping:  make(chan struct{}),
		failed:    make(chan struct{}),
	}
	i.store, err = raftstore.Open(raftstore.Config{
		ClusterID:      cfg.ClusterID,
		StoreID:        cfg.StoreID,
		RaftEngine:     disk.Raft,
		KVEngine:       disk.KV,
		Files:          disk.Files,
		Transport:      i.transport,
		Executor:       i.pool,
		Scheduler:      scheduler,
		SplitSize:      cfg.SplitSize,
		SplitKey:       cfg.SplitKey,
		RandIntN:       func(_ uint64, n int) int { return rand.IntN(n) },
		ElectionTicks:  cfg.ElectionTicks,
		HeartbeatTicks: cfg.HeartbeatTicks,
		MaxLogEntries:  cfg.MaxLogEntries,
		Logger:         cfg.Logger,
		Around:         cfg.Around,
		Applied:        cfg.Applied,
	})
	if err != nil {
		i.pool.close()
		if closeErr := disk.Close(); closeErr != nil {
			cfg.Logger.Warn("cannot close the disk", "error", closeErr)
		}
		return nil, err
	}
	i.transport.Start(i.store)
	if i.link != nil {
		i.link.Start(i.store)
	}
	var once sync.Once
	fail := func(err error) {
		once.Do(func() {
			cfg.Logger.Error("the store has failed", "error", err)
			i.store.Close() // answers the requests that still wait
			i.failure = err
			close(i.failed)
		})
	}
	for range runners {
		i.loops.Go(func() {
			if err := i.run(); err != storage.ErrNotRunning {
				fail(err)
			}
		})
	}
	i.loops.Go(func() {
		select {
		case err := <-i.pool.broken:
			fail(err)
		case <-i.stopping:
		}
	})
	i.loops.Go(func() { i.tick(cfg.Tick) })
	return i, nil
}

// A PanicError is why a store failed that panicked. Something in memory or on disk
// is impossible: the store must not go on, but the rest of the process can still end
// in good order.
type PanicError struct {
	Value any // what the store panicked with
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("the store is broken: %v", e.Value) }

// Panic returns the value of the panic, and the stack at that place.
func (e *PanicError) Panic() (value any, stack []byte) { return e.Value, e.Stack }

// catch is deferred where the store works. It sets err to the PanicError of a panic
// there.
func catch(err *error) {
	if p := recover(); p != nil {
		*err = &PanicError{Value: p, Stack: debug.Stack()}
	}
}

// run makes passes until the store ends, and returns why.
func (i *instance) run() (err error) {
	defer catch(&err)
	return i.store.Run()
}

// tick is the store's clock, until the instance stops.
func (i *instance) tick(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			i.store.Tick()
		case <-i.stopping:
			return
		}
	}
}

// stop ends the parts in an order in which no part needs one that has ended.
func (i *instance) stop() error {
	close(i.stopping)
	if i.link != nil {
		i.link.Close()
	}
	i.transport.Stop()
	i.store.Close()
	i.loops.Wait()
	i.pool.close()
	return errors.Annotate(i.disk.Close(), "close the disk")
}
