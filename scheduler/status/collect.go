package status

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// An Overview is what a Collector asks of a scheduler. *scheduler.Scheduler is one.
type Overview interface {
	GetAllStores(context.Context, *schedulerpb.GetAllStoresRequest) (*schedulerpb.GetAllStoresResponse, error)
	ScanRegions(context.Context, *schedulerpb.ScanRegionsRequest) (*schedulerpb.ScanRegionsResponse, error)
	ListOperators(context.Context, *schedulerpb.ListOperatorsRequest) (*schedulerpb.ListOperatorsResponse, error)
}

// Remote returns the Overview of a scheduler that is reached over conn.
func Remote(conn grpc.ClientConnInterface) Overview {
	return remote{schedulerpb.NewSchedulerClient(conn), schedulerpb.NewAdminClient(conn)}
}

type remote struct {
	scheduler schedulerpb.SchedulerClient
	admin     schedulerpb.AdminClient
}

func (r remote) GetAllStores(ctx context.Context, request *schedulerpb.GetAllStoresRequest) (*schedulerpb.GetAllStoresResponse, error) {
	return r.scheduler.GetAllStores(ctx, request)
}

func (r remote) ScanRegions(ctx context.Context, request *schedulerpb.ScanRegionsRequest) (*schedulerpb.ScanRegionsResponse, error) {
	return r.scheduler.ScanRegions(ctx, request)
}

func (r remote) ListOperators(ctx context.Context, request *schedulerpb.ListOperatorsRequest) (*schedulerpb.ListOperatorsResponse, error) {
	return r.admin.ListOperators(ctx, request)
}

// A Config says which cluster to collect the state of.
type Config struct {
	ClusterID uint64
	// Scheduler is asked for stores, regions and operators; nil if there is none.
	Scheduler     Overview
	SchedulerAddr string // for people
	// Stores are addresses of stores. Those that the scheduler knows are added.
	Stores []string
	// Processes are the processes of the cluster if they are on this machine; nil if not.
	Processes Processes
	// Feed takes the reports.
	Feed *Feed
}

// Times of a Collector.
const (
	// watchedPace and idlePace are the times between two reports, while there are
	// readers and while there are none.
	watchedPace = 500 * time.Millisecond
	idlePace    = 5 * time.Second
	// patience is how long an answer may take.
	patience = 1500 * time.Millisecond
	// samplePace is the least time between two samples, and history how many are kept.
	samplePace = time.Second
	history    = 300
	// endedOperators are how many operators that have ended are shown.
	endedOperators = 20
)

// A Collector collects the state of a cluster.
type Collector struct {
	cfg Config

	mu        sync.Mutex
	probes    map[string]*probe // by the addresses of stores
	scheduler schedulerProbe
	samples   []Sample
	asking    sync.WaitGroup
}

// A probe is what is known of the store at one address.
type probe struct {
	conn     *grpc.ClientConn
	asking   bool
	err      error // of the last answer
	answer   *raftserverpb.StoreStatus
	answered time.Time // when answer came
	meter    meter
	load     Load // of the last sample
	// state is the state of the store, which began at a time.
	state string
	since time.Time
}

// A schedulerProbe is what is known of the scheduler.
type schedulerProbe struct {
	asking            bool
	err               error
	answered          time.Time
	stores            []*metapb.Store
	regions           []*metapb.Region
	running, finished []*schedulerpb.Operator
	state             string
	since             time.Time
}

// NewCollector returns a collector that has asked nothing yet.
func NewCollector(cfg Config) *Collector { return &Collector{cfg: cfg, probes: map[string]*probe{}} }

// Run publishes reports until ctx is done.
func (c *Collector) Run(ctx context.Context) {
	defer func() {
		c.asking.Wait()
		for _, p := range c.probes {
			p.conn.Close()
		}
	}()
	for {
		c.ask(ctx)
		c.cfg.Feed.Publish(c.report(time.Now()))
		pace, wake := idlePace, c.cfg.Feed.wake
		if c.cfg.Feed.watched() {
			pace, wake = watchedPace, nil
		}
		wait := time.NewTimer(pace)
		select {
		case <-wait.C:
		case <-wake: // a reader has come
		case <-ctx.Done():
		}
		wait.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// ask asks the stores and the scheduler, but for those that have not answered yet. It
// does not wait for answers.
func (c *Collector) ask(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cfg.Scheduler != nil && !c.scheduler.asking {
		c.scheduler.asking = true
		c.asking.Go(func() { c.askScheduler(ctx) })
	}
	wanted := map[string]bool{}
	for _, addr := range c.cfg.Stores {
		wanted[addr] = true
	}
	for _, s := range c.scheduler.stores {
		if s.GetState() != metapb.StoreState_Tombstone {
			wanted[s.GetAddress()] = true
		}
	}
	for addr, p := range c.probes {
		if !wanted[addr] && !p.asking {
			p.conn.Close()
			delete(c.probes, addr)
		}
	}
	for addr := range wanted {
		p := c.probes[addr]
		if p == nil {
			conn, err := dial(addr)
			if err != nil {
				continue // it is not an address, and has never been one of a store
			}
			p = &probe{conn: conn}
			c.probes[addr] = p
		}
		if !p.asking {
			p.asking = true
			c.asking.Go(func() { c.askStore(ctx, p) })
		}
	}
}

// dial returns a connection that is tried again at once whenever it is used.
func dial(addr string) (*grpc.ClientConn, error) {
	const most = 64 << 20 // of many thousands of regions
	return grpc.NewClient(addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: watchedPace / 2, Multiplier: 1, MaxDelay: watchedPace},
			MinConnectTimeout: patience,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(most)))
}

func (c *Collector) askStore(ctx context.Context, p *probe) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := raftserverpb.NewInspectClient(p.conn).Status(ctx, &raftserverpb.StatusRequest{})
	if err == nil && s.ClusterId != c.cfg.ClusterID {
		err = status.Errorf(codes.FailedPrecondition, "it is a store of cluster %d", s.ClusterId)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p.asking, p.err = false, err
	if err == nil {
		p.answer, p.answered = s, time.Now()
		p.meter.note(p.answered, s.Load)
	}
}

func (c *Collector) askScheduler(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	stores, regions, operators, err := c.overview(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.scheduler
	s.asking, s.err = false, err
	if err == nil {
		s.answered = time.Now()
		s.stores, s.regions = stores.GetStores(), regions.GetRegions()
		s.running, s.finished = operators.GetRunning(), operators.GetHistory()
	}
}

// overview asks the scheduler. One that panics, as it is not written yet, has failed to
// answer.
func (c *Collector) overview(ctx context.Context) (stores *schedulerpb.GetAllStoresResponse, regions *schedulerpb.ScanRegionsResponse, operators *schedulerpb.ListOperatorsResponse, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = status.Error(codes.Internal, fmt.Sprint(p))
		}
	}()
	header := &schedulerpb.RequestHeader{ClusterId: c.cfg.ClusterID}
	s := c.cfg.Scheduler
	if stores, err = s.GetAllStores(ctx, &schedulerpb.GetAllStoresRequest{Header: header}); err != nil {
		return
	}
	switch e := stores.GetHeader().GetError(); e.GetType() {
	case schedulerpb.ErrorType_OK:
	case schedulerpb.ErrorType_NOT_BOOTSTRAPPED:
		return // it is up, and there is no store yet
	default:
		return nil, nil, nil, status.Error(codes.FailedPrecondition, e.GetMessage())
	}
	if regions, err = s.ScanRegions(ctx, &schedulerpb.ScanRegionsRequest{Header: header}); err != nil {
		return
	}
	operators, err = s.ListOperators(ctx, &schedulerpb.ListOperatorsRequest{Header: header})
	return
}

// report puts together what is known at a moment.
func (c *Collector) report(now time.Time) *Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &Report{At: now.UnixMilli(), ClusterID: c.cfg.ClusterID}
	processes := map[string]*Process{}
	if c.cfg.Processes != nil {
		for _, p := range c.cfg.Processes.List() {
			processes[p.Addr] = &p
		}
	}
	c.sample(now)
	// All samples but those that are forgotten stay as they are, so reports share them.
	r.Samples = slices.Clip(c.samples)

	up, statuses := map[uint64]bool{}, map[uint64]*raftserverpb.StoreStatus{}
	r.Stores = c.stores(now, processes)
	for _, s := range r.Stores {
		if s.State == Up && s.ID != 0 {
			up[s.ID], statuses[s.ID] = true, c.probes[s.Addr].answer
		}
	}
	r.Regions = regionsOf(statuses, c.scheduler.regions, func(store uint64) bool { return up[store] })
	on := map[uint64]*Store{}
	for i := range r.Stores {
		on[r.Stores[i].ID] = &r.Stores[i]
	}
	for _, region := range r.Regions {
		for _, p := range region.Peers {
			if s := on[p.Store]; s != nil {
				s.Peers++
				s.Size += region.Size
			}
		}
		if s := on[region.Leader]; s != nil && region.Leader != 0 {
			s.Leaders++
		}
	}
	if c.cfg.Scheduler != nil {
		r.Scheduler = c.schedulerState(now, processes[c.cfg.SchedulerAddr])
		r.Operators = operatorsOf(c.scheduler.running, c.scheduler.finished)
	}
	return r
}

// stores describes the stores, without what follows from the regions.
func (c *Collector) stores(now time.Time, processes map[string]*Process) []Store {
	known := map[string]*metapb.Store{}
	var list []Store
	for _, s := range c.scheduler.stores {
		if s.GetState() == metapb.StoreState_Tombstone {
			list = append(list, Store{ID: s.GetId(), Addr: s.GetAddress(), State: Removed, Reason: "it was taken out of service"})
		} else {
			known[s.GetAddress()] = s
		}
	}
	for addr, p := range c.probes {
		s := Store{ID: p.answer.GetStoreId(), Addr: addr, Process: processes[addr], Load: p.load}
		if k := known[addr]; k != nil {
			s.ID, s.Offline = k.GetId(), k.GetState() == metapb.StoreState_Offline
		}
		state, reason := stateOf(p.err, p.answered, s.Process)
		if state != p.state {
			p.state, p.since = state, now
		}
		s.State, s.Reason, s.Since = p.state, reason, p.since.UnixMilli()
		if !p.answered.IsZero() {
			s.Heard = p.answered.UnixMilli()
		}
		if l := p.answer.GetLoad(); l != nil {
			s.Capacity, s.Available = l.Capacity, l.Available
			if state == Up {
				s.Since = l.Started
			}
		}
		if state != Up {
			s.Load = Load{}
			if p := s.Process; p != nil && p.State != ProcessRunning {
				s.Since = p.Since
			}
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Store) int {
		// One less than 0 is more than all: without an id they come last.
		return cmp.Or(cmp.Compare(a.ID-1, b.ID-1), strings.Compare(a.Addr, b.Addr))
	})
	return list
}

// stateOf returns the state of a store or the scheduler, and why it is not up, of what
// came of the last question, when the last answer came, and its process, if it is known.
func stateOf(err error, answered time.Time, process *Process) (state, reason string) {
	switch {
	case process != nil && process.State == ProcessEnded:
		return Down, process.Reason
	case process != nil && process.State == ProcessPaused:
		return Paused, "its process is paused"
	case err == nil && !answered.IsZero() && (process == nil || answered.UnixMilli() >= process.Since):
		return Up, ""
	case process != nil && answered.UnixMilli() < process.Since:
		return Starting, "its process has started, and does not answer yet"
	case err == nil:
		return Starting, "it has not been asked yet"
	case status.Code(err) == codes.Unavailable && process == nil:
		return Down, shortened(err)
	case status.Code(err) == codes.DeadlineExceeded:
		return Silent, fmt.Sprintf("it does not answer within %s", patience)
	default:
		return Silent, shortened(err)
	}
}

// shortened returns what an error says, without the many words around the failure to
// connect.
func shortened(err error) string {
	text := status.Convert(err).Message()
	if i := strings.LastIndex(text, "connect: "); i >= 0 {
		return strings.TrimSuffix(text[i+len("connect: "):], `"`)
	}
	return text
}

func (c *Collector) schedulerState(now time.Time, process *Process) *Scheduler {
	s := &c.scheduler
	state, reason := stateOf(s.err, s.answered, process)
	if state != s.state {
		s.state, s.since = state, now
	}
	r := &Scheduler{Addr: c.cfg.SchedulerAddr, State: state, Reason: reason, Since: s.since.UnixMilli(), Process: process}
	if process != nil {
		r.Since = process.Since
	}
	return r
}

// sample takes a sample if it is time.
func (c *Collector) sample(now time.Time) {
	if n := len(c.samples); n > 0 && now.UnixMilli()-c.samples[n-1].At < samplePace.Milliseconds()-100 {
		return
	}
	s := Sample{At: now.UnixMilli(), Stores: map[uint64]float64{}}
	var sum counts
	for _, addr := range slices.Sorted(maps.Keys(c.probes)) {
		p := c.probes[addr]
		n, over := p.meter.take()
		p.load = n.load(over)
		s.Reads += p.load.Reads
		s.Writes += p.load.Writes
		s.Refused += p.load.Refused
		sum.reads.merge(n.reads)
		sum.writes.merge(n.writes)
		if id := p.answer.GetStoreId(); id != 0 {
			s.Stores[id] = round(p.load.Reads+p.load.Writes, 1)
		}
	}
	s.Reads, s.Writes, s.Refused = round(s.Reads, 1), round(s.Writes, 1), round(s.Refused, 1)
	s.Read, s.Write = sum.reads.latency(), sum.writes.latency()
	// A new array, as reports have the old one.
	c.samples = append(slices.Clone(c.samples[max(0, len(c.samples)-history+1):]), s)
}

func operatorsOf(running, finished []*schedulerpb.Operator) []Operator {
	var list []Operator
	for _, o := range slices.Concat(running, finished[:min(len(finished), endedOperators)]) {
		list = append(list, Operator{
			Region: o.GetRegionId(), Kind: o.GetKind(), Desc: o.GetDesc(), Status: strings.ToLower(o.GetStatus().String()),
			Steps: slices.Clone(o.GetSteps()), Done: o.GetDone(), Created: o.GetCreated(), Ended: o.GetEnded(), Reason: o.GetReason(),
		})
	}
	return list
}
