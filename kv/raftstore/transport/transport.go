package transport

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A Config says between which stores a Transport carries messages, and how.
type Config struct {
	// ClusterID and StoreID identify this store.
	ClusterID, StoreID uint64

	// Addrs is where the other stores listen, host:port by store id.
	Addrs map[uint64]string

	// Lookup, if it is not nil, is asked instead of Addrs: stores come and
	// go, and may listen elsewhere after a restart. It returns where a store
	// listens, host:port, or why that is not known. It is called before each
	// attempt to reach a store, from several goroutines at once, may wait
	// for another machine, and gives up when ctx ends.
	Lookup func(ctx context.Context, store uint64) (addr string, err error)

	// Files is where snapshots come from and go to.
	Files Files

	// Rand returns a random number, uniformly distributed over all uint64.
	// It is the source of this process's identity and of the jitter of
	// back-off. It is called from several goroutines at once.
	Rand func() uint64

	// Backoff bounds the pauses between attempts to reach a store. 0 means
	// the default.
	Backoff Backoff

	Logger *slog.Logger

	// DialOptions are added when connecting to another store.
	DialOptions []grpc.DialOption
}

// Files keeps snapshot files, and can rename one.
type Files interface {
	raftstore.Files
	// Rename gives a file another name, and replaces a file that has that
	// name. The new name is durable when Rename returns.
	Rename(from, to string) error
}

// A Store is the receiver of a transport's messages and reports. A
// *raftstore.Store is one. Its methods must not block.
type Store interface {
	Step(m *raftserverpb.RaftMessage)
	ReportUnreachable(regionID, peerID uint64)
	ReportSnapshot(regionID, peerID uint64, arrived bool)
}

const (
	// connectTimeout bounds how long it may take to reach a store.
	connectTimeout = 3 * time.Second
	// stallTimeout bounds the time between two chunks of a snapshot.
	stallTimeout = 30 * time.Second
	// maxSnapshots bounds the number of snapshots under way, in each
	// direction. More would make all of them late.
	maxSnapshots = 4
)

// A Transport implements raftstore.Transport over gRPC, and the streams between
// stores of service tinykvpb.TinyKv. Its methods may be called from several
// goroutines at once.
type Transport struct {
	cfg Config
	// process distinguishes this process from another one with the same
	// store id.
	process uint64
	store   Store
	present presence
	drops   drops
	// attempts numbers the temporary files.
	attempts atomic.Uint64
	// sent and received count the snapshots that have arrived.
	sent, received atomic.Uint64

	// sending and receiving hold a token for each snapshot under way.
	sending, receiving chan struct{}

	// ctx is done when the transport stops.
	ctx  context.Context
	stop context.CancelFunc

	mu      sync.Mutex
	stopped bool
	running sync.WaitGroup // goroutines; added to under mu while not stopped

	// links are the other stores of Addrs, or, with Lookup, those that there
	// was a message for.
	linksMu sync.RWMutex
	links   map[uint64]*link
}

var _ raftstore.Transport = (*Transport)(nil)

// New returns a transport that does nothing before Start.
func New(cfg Config) *Transport {
	cfg.Backoff = cfg.Backoff.orDefault()
	t := &Transport{
		cfg:       cfg,
		process:   cfg.Rand(),
		links:     map[uint64]*link{},
		present:   presence{stores: map[uint64]*visitor{}},
		sending:   make(chan struct{}, maxSnapshots),
		receiving: make(chan struct{}, maxSnapshots),
	}
	t.drops.logger = cfg.Logger
	t.ctx, t.stop = context.WithCancel(context.Background())
	if cfg.Lookup == nil {
		for id := range cfg.Addrs {
			if id != cfg.StoreID {
				t.links[id] = newLink(t, id)
			}
		}
	}
	return t
}

// Start begins to carry messages from and to store. It is called once, before
// the first Send.
func (t *Transport) Start(store Store) {
	t.store = store
	for _, l := range t.links {
		t.spawn(func() { l.run(t.ctx) })
	}
}

// Stop ends all streams, in both directions, and waits for the transport's last
// call to the store. Messages that have not been sent are lost.
func (t *Transport) Stop() {
	t.mu.Lock()
	t.stopped = true
	t.mu.Unlock()
	t.stop()
	t.running.Wait()
}

// spawn runs f on a goroutine that Stop waits for. If the transport has
// stopped, it returns false and does not run f.
func (t *Transport) spawn(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return false
	}
	t.running.Go(f)
	return true
}

// Send implements raftstore.Transport.
func (t *Transport) Send(m *raftserverpb.RaftMessage) {
	if m.GetMessage().GetMsgType() == eraftpb.MessageType_MsgSnapshot {
		t.sendSnapshot(m)
		return
	}
	l := t.link(m.GetToPeer().GetStoreId())
	if l == nil {
		t.drops.count(DropUnknownStore, "to", m.GetToPeer().GetStoreId())
		t.store.ReportUnreachable(m.RegionId, m.GetToPeer().GetId())
		return
	}
	l.send(m)
}

// link returns the link to a store, or nil if there is no such store.
func (t *Transport) link(store uint64) *link {
	t.linksMu.RLock()
	l := t.links[store]
	t.linksMu.RUnlock()
	if l != nil || t.cfg.Lookup == nil || store == 0 || store == t.cfg.StoreID {
		return l
	}
	t.linksMu.Lock()
	defer t.linksMu.Unlock()
	if l = t.links[store]; l == nil {
		l = newLink(t, store)
		t.links[store] = l
		t.spawn(func() { l.run(t.ctx) })
	}
	return l
}

// mayExist reports whether there may be another store with that id.
func (t *Transport) mayExist(store uint64) bool {
	if t.cfg.Lookup != nil {
		return store != 0 && store != t.cfg.StoreID
	}
	return t.link(store) != nil
}

// address returns where a store listens.
func (t *Transport) address(ctx context.Context, store uint64) (string, error) {
	if t.cfg.Lookup != nil {
		return t.cfg.Lookup(ctx, store)
	}
	addr, found := t.cfg.Addrs[store]
	if !found {
		return "", errors.Errorf("store %d has no address", store)
	}
	return addr, nil
}

// Drops returns how many messages and streams were dropped since the start, by
// reason.
func (t *Transport) Drops() map[DropReason]uint64 { return t.drops.snapshot() }

// Snapshots returns how many snapshots have arrived since the start, at other
// stores and here.
func (t *Transport) Snapshots() (sent, received uint64) { return t.sent.Load(), t.received.Load() }
