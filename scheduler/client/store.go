package client

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

const (
	// maxCalls bounds the calls of a StoreClient that wait for an answer.
	maxCalls = 16
	// callTimeout is how long such a call may take.
	callTimeout = 5 * time.Second
)

// A StoreConfig says for which store a StoreClient speaks.
type StoreConfig struct {
	ClusterID uint64
	// Scheduler is the connection, as from Dial. The caller closes it, after the
	// StoreClient.
	Scheduler schedulerpb.SchedulerClient
	// Complete, if it is not nil, fills in what the store does not know of itself,
	// such as the room on its disk. It is called on a goroutine of its own.
	Complete func(*schedulerpb.StoreStats)
	Logger   *slog.Logger
}

// A Receiver gets what the scheduler answers. A *raftstore.Store is one. Its
// methods must not block. They own what they get.
type Receiver interface {
	// Order gets an order for a region.
	Order(*schedulerpb.RegionHeartbeatResponse)
	// SplitIDs gets the ids for a split of a region, as it was when it asked.
	SplitIDs(asked *metapb.Region, ids *schedulerpb.AskSplitResponse)
	// Found gets a region that was looked for, as the scheduler knows it.
	Found(*metapb.Region)
}

// A StoreClient carries the reports and questions of a store to the scheduler,
// and the answers back. It is the store's raftstore.Scheduler: RegionHeartbeat,
// StoreHeartbeat, AskSplit and FindRegion never block and never fail, and may be
// called from several goroutines. What they send may be lost, as may the answer.
// They own what they are given.
type StoreClient struct {
	cfg      StoreConfig
	receiver Receiver
	queue    *queue
	// calls holds a token for each call that waits for an answer.
	calls chan struct{}

	// ctx is done when the client closes.
	ctx  context.Context
	stop context.CancelFunc

	mu      sync.Mutex
	started bool
	closed  bool
	asking  map[question]bool
	running sync.WaitGroup // goroutines; added to under mu while not closed
	said    map[string]string
}

// A question is a call of which one at a time is enough.
type question struct {
	what   string
	region uint64
}

// NewStoreClient returns a client that does nothing before Start.
func NewStoreClient(cfg StoreConfig) *StoreClient {
	c := &StoreClient{
		cfg:    cfg,
		queue:  newQueue(time.Now),
		calls:  make(chan struct{}, maxCalls),
		asking: map[question]bool{},
		said:   map[string]string{},
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Start begins to send, and to hand answers to r. What the store had to say before
// is lost, but for its last heartbeats. Start is called at most once.
func (c *StoreClient) Start(r Receiver) {
	c.mu.Lock()
	c.receiver, c.started = r, true
	c.mu.Unlock()
	c.spawn(c.run)
}

// Close ends all calls and waits for the last use of the Receiver and of the
// connection. After it, nothing is sent.
func (c *StoreClient) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.running.Wait()
}

// Dropped returns how many heartbeats of regions were not sent: a newer one came
// before the scheduler took them, or they grew too old.
func (c *StoreClient) Dropped() uint64 { return c.queue.drops() }

// spawn runs f on a goroutine that Close waits for. Before Start and after Close it
// does nothing and returns false.
func (c *StoreClient) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || !c.started {
		return false
	}
	c.running.Go(f)
	return true
}

func (c *StoreClient) header() *schedulerpb.RequestHeader {
	return &schedulerpb.RequestHeader{ClusterId: c.cfg.ClusterID}
}

// RegionHeartbeat reports a region. Orders for the region go to Receiver.Order. If
// the scheduler is slow or away, only the last report of each region waits.
func (c *StoreClient) RegionHeartbeat(h *schedulerpb.RegionHeartbeatRequest) {
	h.Header = c.header()
	c.queue.put(h)
}

// StoreHeartbeat reports the store. While a report is under way, others are lost.
func (c *StoreClient) StoreHeartbeat(s *schedulerpb.StoreStats) {
	c.call(question{what: "store heartbeat"}, func(ctx context.Context) error {
		if c.cfg.Complete != nil {
			c.cfg.Complete(s)
		}
		r, err := c.cfg.Scheduler.StoreHeartbeat(ctx, &schedulerpb.StoreHeartbeatRequest{Header: c.header(), Stats: s})
		if err != nil {
			return err
		}
		return Check(r.Header)
	})
}

// AskSplit asks for the ids that a region needs to split. They go to
// Receiver.SplitIDs. While the region's last question is under way, others are
// lost.
func (c *StoreClient) AskSplit(q *schedulerpb.AskSplitRequest) {
	q.Header = c.header()
	c.call(question{"split", q.GetRegion().GetId()}, func(ctx context.Context) error {
		r, err := c.cfg.Scheduler.AskSplit(ctx, q)
		if err == nil {
			err = Check(r.Header)
		}
		if err == nil && c.ctx.Err() == nil {
			c.receiver.SplitIDs(q.Region, r)
		}
		return err
	})
}

// FindRegion asks what the scheduler knows of a region. That goes to
// Receiver.Found; of a region that it does not know, nothing does.
func (c *StoreClient) FindRegion(regionID uint64) {
	c.call(question{"region", regionID}, func(ctx context.Context) error {
		r, err := c.cfg.Scheduler.GetRegionByID(ctx, &schedulerpb.GetRegionByIDRequest{Header: c.header(), RegionId: regionID})
		if err == nil {
			err = Check(r.Header)
		}
		if err == nil && r.Region != nil && c.ctx.Err() == nil {
			c.receiver.Found(r.Region)
		}
		return err
	})
}

// call runs ask with a deadline, on a goroutine, unless the same question is under
// way or too many others are: then the question is lost, and the store asks again.
func (c *StoreClient) call(q question, ask func(context.Context) error) {
	select {
	case c.calls <- struct{}{}:
	default:
		return
	}
	done := func() {
		c.mu.Lock()
		delete(c.asking, q)
		c.mu.Unlock()
		<-c.calls
	}
	c.mu.Lock()
	again := c.asking[q]
	c.asking[q] = true
	c.mu.Unlock()
	if again {
		<-c.calls
		return
	}
	if !c.spawn(func() {
		defer done()
		ctx, cancel := context.WithTimeout(c.ctx, callTimeout)
		defer cancel()
		c.note(q.what, ask(ctx))
	}) {
		done()
	}
}

// note logs what went wrong, unless the same went wrong the last time.
func (c *StoreClient) note(what string, err error) {
	if c.ctx.Err() != nil {
		return
	}
	text := ""
	if err != nil {
		text = describe(err)
	}
	c.mu.Lock()
	before := c.said[what]
	c.said[what] = text
	c.mu.Unlock()
	if text == before {
		return
	}
	switch {
	case err == nil:
		c.cfg.Logger.Info("the scheduler answers again", "call", what)
	case IsRefused(err, schedulerpb.ErrorType_STORE_TOMBSTONE):
		c.cfg.Logger.Error("the scheduler has removed this store from the cluster", "call", what, "error", text)
	default:
		c.cfg.Logger.Warn("no answer of the scheduler", "call", what, "error", text)
	}
}

// describe returns what people are told of err.
func describe(err error) string {
	if s, ok := status.FromError(errors.Cause(err)); ok {
		return s.Message()
	}
	return err.Error()
}
