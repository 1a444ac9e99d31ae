package storesim

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A registry is one incarnation of the scheduler of a run that is about stores alone
// (Options.Registry). It knows what heartbeats have told it, answers what stores and
// clients ask, gives out ids, and hands out orders of the run's operator. It decides
// nothing. A crash loses all that it knows of regions; no id and no timestamp is given out twice.
type registry struct {
	schedulerpb.UnimplementedSchedulerServer
	env    *sim.Env
	system *System

	mu      sync.Mutex // calls of clients come from goroutines of their own
	regions region.Map
	leaders map[uint64]*metapb.Peer // by region
}

func newRegistry(y *System, env *sim.Env) *registry {
	return &registry{env: env, system: y, leaders: map[uint64]*metapb.Peer{}}
}

// learn takes over what the leader of a region reports, unless a later region with some of
// its keys is known.
func (g *registry) learn(report *schedulerpb.RegionHeartbeatRequest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, old := range g.regions.Overlapping(region.Range(report.Region)) {
		if compareEpochs(old, report.Region) > 0 {
			return
		}
	}
	g.regions.Insert(proto.CloneOf(report.Region))
	g.leaders[report.Region.Id] = proto.CloneOf(report.Leader)
}

// find returns the region that is known for a key, and its leader.
func (g *registry) find(key []byte) (r *metapb.Region, leader *metapb.Peer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r = g.regions.At(key)
	return r, g.leaders[r.GetId()]
}

// byID returns the region that is known with an id, or nil.
func (g *registry) byID(id uint64) *metapb.Region {
	g.mu.Lock()
	defer g.mu.Unlock()
	for r := range g.regions.All() {
		if r.Id == id {
			return r
		}
	}
	return nil
}

// Receive implements sim.Process.
func (g *registry) Receive(p *sim.Packet) {
	switch r := p.Body.(type) {
	case *schedulerpb.RegionHeartbeatRequest:
		g.learn(r)
		if at := g.system.orders[r.Region.Id]; g.env.Now() < at.until {
			order := proto.CloneOf(at.order)
			order.TargetPeer = proto.CloneOf(r.Leader)
			g.env.Reach(OrderSent)
			g.reply(p, order)
		}
	case *schedulerpb.PutStoreRequest:
		g.reply(p, &schedulerpb.PutStoreResponse{Header: clusterAnswer()})
	case *schedulerpb.AskSplitRequest:
		ids, _ := g.system.newIDs(1 + len(r.Region.Peers))
		g.reply(p, &schedulerpb.AskSplitResponse{Header: clusterAnswer(), NewRegionId: ids[0], NewPeerIds: ids[1:]})
	case *schedulerpb.GetRegionByIDRequest:
		if found := g.byID(r.RegionId); found != nil {
			g.reply(p, &schedulerpb.GetRegionResponse{Header: clusterAnswer(), Region: found})
		}
	}
}

func (g *registry) reply(p *sim.Packet, body proto.Message) {
	g.env.Send(&sim.Packet{To: p.From, Stream: p.Stream, Body: body})
}

func clusterAnswer() *schedulerpb.ResponseHeader {
	return &schedulerpb.ResponseHeader{ClusterId: clusterID}
}

// Tick implements sim.Process.
func (*registry) Tick() {}

// Pass implements sim.Process. What a registry has to do it does at once.
func (*registry) Pass() bool { return false }

// Close implements sim.Process.
func (*registry) Close() {}

// Services implements sim.Server: what clients ask.
func (g *registry) Services() []sim.Service {
	return []sim.Service{{Desc: &schedulerpb.Scheduler_ServiceDesc, Impl: g}}
}

// GetMembers implements schedulerpb.SchedulerServer.
func (*registry) GetMembers(context.Context, *schedulerpb.GetMembersRequest) (*schedulerpb.GetMembersResponse, error) {
	return &schedulerpb.GetMembersResponse{Header: clusterAnswer()}, nil
}

// GetRegion implements schedulerpb.SchedulerServer.
func (g *registry) GetRegion(_ context.Context, r *schedulerpb.GetRegionRequest) (*schedulerpb.GetRegionResponse, error) {
	found, leader := g.find(r.RegionKey)
	return &schedulerpb.GetRegionResponse{Header: clusterAnswer(), Region: found, Leader: leader}, nil
}

// GetStore implements schedulerpb.SchedulerServer.
func (g *registry) GetStore(_ context.Context, r *schedulerpb.GetStoreRequest) (*schedulerpb.GetStoreResponse, error) {
	return &schedulerpb.GetStoreResponse{Header: clusterAnswer(), Store: g.system.describeStore(r.StoreId)}, nil
}

// GetAllStores implements schedulerpb.SchedulerServer.
func (g *registry) GetAllStores(context.Context, *schedulerpb.GetAllStoresRequest) (*schedulerpb.GetAllStoresResponse, error) {
	resp := &schedulerpb.GetAllStoresResponse{Header: clusterAnswer()}
	for _, id := range slices.Sorted(maps.Keys(g.system.homes.machines)) {
		resp.Stores = append(resp.Stores, g.system.describeStore(id))
	}
	return resp, nil
}

// describeStore says where a store is, and that it is gone if it is nowhere.
func (y *System) describeStore(id uint64) *metapb.Store {
	machine := y.machineOf(id)
	if machine == 0 {
		return &metapb.Store{Id: id, State: metapb.StoreState_Tombstone}
	}
	return &metapb.Store{Id: id, Address: kvload.AddressOf(machine, y.homes.erased[machine])}
}

// order returns what an operator asks of a region as the order of a scheduler. A split
// is ordered in the middle: the store asks for the ids itself.
func order(a *raftstore.Admin) *schedulerpb.RegionHeartbeatResponse {
	o := &schedulerpb.RegionHeartbeatResponse{
		Header: clusterAnswer(), RegionId: a.Context.RegionId, RegionEpoch: a.Context.RegionEpoch,
	}
	switch {
	case a.ChangePeer != nil:
		o.ChangePeer = &schedulerpb.ChangePeer{ChangeType: a.ChangePeer.Type, Peer: a.ChangePeer.Peer}
	case a.TransferLeader != nil:
		o.TransferLeader = &schedulerpb.TransferLeader{Peer: a.TransferLeader}
	default:
		o.SplitRegion = &schedulerpb.SplitRegion{}
	}
	return o
}

// Tso implements schedulerpb.SchedulerServer.
func (g *registry) Tso(stream grpc.BidiStreamingServer[schedulerpb.TsoRequest, schedulerpb.TsoResponse]) error {
	for {
		req, err := stream.Recv()
		if err != nil {
			return err
		}
		resp := &schedulerpb.TsoResponse{
			Header: clusterAnswer(), Count: req.Count, Timestamp: g.system.oracle.take(g.env.Now(), req.Count),
		}
		if err := stream.Send(resp); err != nil {
			return err
		}
	}
}

// GetGCSafePoint implements schedulerpb.SchedulerServer.
func (g *registry) GetGCSafePoint(context.Context, *schedulerpb.GetGCSafePointRequest) (*schedulerpb.GetGCSafePointResponse, error) {
	now := g.system.safe.advance(transaction.SafePoint{})
	return &schedulerpb.GetGCSafePointResponse{Header: clusterAnswer(), SafePoint: now.Published, CleanPoint: now.Clean}, nil
}

// UpdateGCSafePoint implements schedulerpb.SchedulerServer.
func (g *registry) UpdateGCSafePoint(_ context.Context, r *schedulerpb.UpdateGCSafePointRequest) (*schedulerpb.UpdateGCSafePointResponse, error) {
	now := g.system.safe.advance(transaction.SafePoint{Published: r.SafePoint, Clean: r.CleanPoint})
	return &schedulerpb.UpdateGCSafePointResponse{Header: clusterAnswer(), NewSafePoint: now.Published, NewCleanPoint: now.Clean}, nil
}

// A standing order is one that the registry gives with each heartbeat of its region.
type standingOrder struct {
	order *schedulerpb.RegionHeartbeatResponse
	until time.Duration
}

// byOrder reports whether op is carried out by orders in answers to heartbeats, as a
// scheduler does it, and not by requests to the leader. With a registry, every other
// operation is.
func (y *System) byOrder(op *operation) bool { return y.opts.Registry && op.roll(9)%2 == 0 }

// give makes the registry give an order, until the operation is attempted again or over.
func (y *System) give(op *operation, a *raftstore.Admin) {
	until := op.Until
	if op.Kind == sim.Erase {
		until = forever
	}
	op.ordered = a.Context.RegionId
	y.orders[op.ordered] = standingOrder{order(a), until}
	ordered := changeOf(a)
	if !slices.ContainsFunc(op.changes, func(c *change) bool { return *c == *ordered }) {
		op.changes = append(op.changes, ordered)
	}
}

// withdraw takes back the order that op has given: it may still be on its way.
func (y *System) withdraw(op *operation) {
	delete(y.orders, op.ordered)
	op.ordered = 0
}

var (
	_ sim.Process                 = (*registry)(nil)
	_ sim.Server                  = (*registry)(nil)
	_ schedulerpb.SchedulerServer = (*registry)(nil)
)
