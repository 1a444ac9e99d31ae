package storesim

import (
	"context"
	"time"

	"github.com/pingcap/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// What a run with a scheduler can come to.
const (
	OrderSent  sim.Goal = "the scheduler gave an order"
	OrderOfOld sim.Goal = "a second scheduler with an old state gave an order"
	// StoreBuried is about a store that was taken out of service.
	StoreBuried sim.Goal = "a store became a tombstone"
)

// A manager is one incarnation of a scheduler. Stores reach it by packets, which may be
// lost, late, or arrive twice, and clients by calls.
//
// A second machine of the role stands by. From time to time it takes the place of the
// first for some of the stores (sim.Twin), with what the first once knew. It gives
// orders, but no ids: a scheduler that has not the last word on ids must not hand out
// any, and one that does breaks what regions rely on.
type manager struct {
	env    *sim.Env
	system *System
	engine *memory.Engine
	// core is nil as long as the machine stands by.
	core *scheduler.Scheduler
	// ahead is how wrong its clock is. It jumps with each start.
	ahead  time.Duration
	ticked time.Duration
	err    error
}

// tickEvery is how often a scheduler looks for something to do.
const tickEvery = 100 * time.Millisecond

// options are the scheduler's options in a run, whose time is short.
func (y *System) options(tick time.Duration) scheduler.Options {
	return scheduler.Options{
		MaxPeerCount:        y.opts.Replicas,
		StoreDisconnectTime: 50 * tick, MaxStoreDownTime: 150 * tick,
		PeerTimeout: 300 * tick, LeaderTimeout: 100 * tick, RetryTime: 20 * tick,
		IDBatch: 10, TimestampWindow: 5 * tick,
	}
}

// openManager opens the scheduler of a machine, as its disk holds it. The first one
// founds the cluster, as the people do who install it.
func openManager(y *System, env *sim.Env) (*manager, error) {
	m := &manager{env: env, system: y, ahead: []time.Duration{0, -time.Second, time.Second}[env.RandIntN(1, 3)]}
	var err error
	if m.engine, err = env.Disk("scheduler", scheduler.Families...); err != nil {
		return nil, err
	}
	if !m.first() {
		empty, err := isEmpty(m.engine)
		if empty || err != nil {
			return m, err
		}
	}
	if err := m.open(); err != nil {
		return nil, err
	}
	if m.first() {
		if err := m.found(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func isEmpty(e engine.Engine) (bool, error) {
	it, err := e.Iterate(scheduler.Families[0], engine.Range{})
	if err != nil {
		return false, err
	}
	it.Seek(nil)
	empty := !it.Valid()
	return empty, it.Close()
}

// first reports whether m is the scheduler that stores and clients know.
func (m *manager) first() bool { return m.env.ID == m.env.Setting.Machines(sim.Scheduler)[0] }

func (m *manager) open() (err error) {
	m.core, err = scheduler.Open(scheduler.Config{
		ClusterID: clusterID, Engine: m.engine, Logger: m.env.Logger,
		Now:     func() time.Time { return time.Unix(1_000_000, 0).Add(m.env.Now() + m.ahead) },
		Options: m.system.options(m.env.Setting.Tick),
	})
	return err
}

var clusterHeader = &schedulerpb.RequestHeader{ClusterId: clusterID}

// found makes the cluster known that is there when the run begins. The ids that it uses
// are taken. A crash may interrupt it at any point. Stores that have no peer yet join by
// themselves.
func (m *manager) found() error {
	ctx := context.Background()
	for {
		resp, err := m.core.AllocID(ctx, &schedulerpb.AllocIDRequest{Header: clusterHeader})
		if err := answered(resp.GetHeader(), err); err != nil {
			return err
		}
		if resp.Id >= m.system.ids.last {
			break
		}
	}
	begun, err := m.core.IsBootstrapped(ctx, &schedulerpb.IsBootstrappedRequest{Header: clusterHeader})
	if err := answered(begun.GetHeader(), err); err != nil {
		return err
	}
	for i, id := range m.system.founders() {
		at := &metapb.Store{Id: id, Address: kvload.AddressOf(id, 0)}
		var header *schedulerpb.ResponseHeader
		if i == 0 && !begun.Bootstrapped {
			resp, err := m.core.Bootstrap(ctx, &schedulerpb.BootstrapRequest{Header: clusterHeader, Store: at})
			if err != nil {
				return err
			}
			header = resp.Header
		} else if known, err := m.core.GetStore(ctx, &schedulerpb.GetStoreRequest{Header: clusterHeader, StoreId: id}); err != nil {
			return err
		} else if known.Header.GetError() != nil {
			resp, err := m.core.PutStore(ctx, &schedulerpb.PutStoreRequest{Header: clusterHeader, Store: at})
			if err != nil {
				return err
			}
			header = resp.Header
		}
		if err := answered(header, nil); err != nil {
			return err
		}
	}
	return nil
}

// answered returns an error if a request was refused.
func answered(header *schedulerpb.ResponseHeader, err error) error {
	if e := header.GetError(); err == nil && e.GetType() != schedulerpb.ErrorType_OK {
		return errors.New(e.Message)
	}
	return err
}

// failed notes an error, which can only be of the disk. The program ends then.
func (m *manager) failed(err error) bool {
	if err == nil {
		return false
	}
	if m.err == nil {
		m.err = err
	}
	if excused(err) {
		m.env.Exit()
	}
	return true
}

// Tick implements sim.Process.
func (m *manager) Tick() {
	if m.core == nil || m.err != nil || m.env.Now()-m.ticked < tickEvery {
		return
	}
	m.ticked = m.env.Now()
	m.failed(m.core.Tick())
}

// Receive implements sim.Process.
func (m *manager) Receive(p *sim.Packet) {
	if m.core == nil || m.err != nil {
		return
	}
	ctx := context.Background()
	switch r := p.Body.(type) {
	case *schedulerpb.RegionHeartbeatRequest:
		if order := m.core.RegionHeartbeat(r); order != nil && order.Header.GetError() == nil && m.mayOrder(order) {
			m.reply(p, order)
		}
	case *schedulerpb.StoreHeartbeatRequest:
		_, err := m.core.StoreHeartbeat(ctx, r)
		m.failed(err)
	case *schedulerpb.PutStoreRequest:
		if !m.first() {
			return // the first one would not know
		}
		if resp, err := m.core.PutStore(ctx, r); !m.failed(err) && resp.Header.GetError() == nil {
			m.reply(p, resp)
		}
	case *schedulerpb.AskSplitRequest:
		if !m.first() {
			return
		}
		if resp, err := m.core.AskSplit(ctx, r); !m.failed(err) && resp.Header.GetError() == nil {
			m.reply(p, resp)
		}
	case *schedulerpb.GetRegionByIDRequest:
		if resp, err := m.core.GetRegionByID(ctx, r); !m.failed(err) && resp.Region != nil {
			m.reply(p, resp)
		}
	}
}

// mayOrder reports whether m may give an order: one that stands in for the first gives
// none that comes with an id.
func (m *manager) mayOrder(order *schedulerpb.RegionHeartbeatResponse) bool {
	if m.first() {
		m.env.Reach(OrderSent)
		return true
	}
	if order.ChangePeer.GetChangeType() == eraftpb.ConfChangeType_AddNode && order.ChangePeer != nil || order.SplitRegion != nil {
		return false
	}
	m.env.Reach(OrderOfOld)
	return true
}

func (m *manager) reply(p *sim.Packet, body proto.Message) {
	m.env.Send(&sim.Packet{To: p.From, Stream: p.Stream, Body: body})
}

// Pass implements sim.Process. What a scheduler has to do it does at once.
func (m *manager) Pass() bool { return false }

// Close implements sim.Process.
func (m *manager) Close() { _ = m.engine.Close() }

// Services implements sim.Server.
func (m *manager) Services() []sim.Service {
	return []sim.Service{{Desc: &schedulerpb.Scheduler_ServiceDesc, Impl: &rpcs{Scheduler: m.core, m: m}}}
}

// rpcs are the calls of clients. The core serves them; nil stands by.
type rpcs struct {
	*scheduler.Scheduler
	schedulerpb.UnsafeSchedulerServer
	m *manager
}

var errStandsBy = status.Error(codes.Unavailable, "the scheduler stands by")

// Tso serves a stream of requests for timestamps.
func (r *rpcs) Tso(stream grpc.BidiStreamingServer[schedulerpb.TsoRequest, schedulerpb.TsoResponse]) error {
	if !r.m.first() {
		return errStandsBy
	}
	for {
		req, err := stream.Recv()
		if err != nil {
			return err
		}
		resp, err := r.Timestamps(req)
		if err != nil {
			return err
		}
		if err := stream.Send(resp); err != nil {
			return err
		}
	}
}

// RegionHeartbeat is not for clients.
func (*rpcs) RegionHeartbeat(grpc.BidiStreamingServer[schedulerpb.RegionHeartbeatRequest, schedulerpb.RegionHeartbeatResponse]) error {
	return status.Error(codes.Unimplemented, "stores of a simulation send their heartbeats as packets")
}

var (
	_ sim.Process                 = (*manager)(nil)
	_ sim.Server                  = (*manager)(nil)
	_ schedulerpb.SchedulerServer = (*rpcs)(nil)
)
