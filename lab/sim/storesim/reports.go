package storesim

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/sim/kvload"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// reports implement raftstore.Scheduler: what a store tells the scheduler goes over the
// network of the run.
type reports struct{ s *store }

// The streams of what stores and the scheduler say to each other. What is about different
// regions has nothing to do with each other. What is asked and answered has a stream of its
// own, so that an answer shows what was asked, and by whom: it may come so late that the
// machine has another store, or another incarnation of one.
const (
	streamOfStore  = 1 << 40
	streamOfSplits = 2 << 40
	splitsOfRegion = 1 << 16
	splitsOfLife   = 1 << 8
)

// send sends a message to the scheduler that the store takes for the one.
func (r reports) send(stream uint64, body proto.Message) {
	if to := r.s.system.schedulerOf(r.s); to != 0 {
		r.s.env.Send(&sim.Packet{To: to, Stream: stream, Body: body})
	}
}

func (r reports) RegionHeartbeat(req *schedulerpb.RegionHeartbeatRequest) {
	req = proto.CloneOf(req)
	req.Header = clusterHeader
	r.s.reported[req.Region.Id] = req.ApproximateSize
	r.send(req.Region.Id, req)
}

// StoreHeartbeat reports the store, and says where it is until the scheduler knows.
func (r reports) StoreHeartbeat(stats *schedulerpb.StoreStats) {
	stats = proto.CloneOf(stats)
	stats.Capacity, stats.Available = 1<<30, 1<<30
	if !r.s.joined {
		r.send(streamOfStore+r.s.id, &schedulerpb.PutStoreRequest{Header: clusterHeader, Store: &metapb.Store{
			Id: r.s.id, Address: kvload.AddressOf(r.s.env.ID, r.s.env.Erased),
		}})
	}
	r.send(streamOfStore+r.s.id, &schedulerpb.StoreHeartbeatRequest{Header: clusterHeader, Stats: stats})
}

func (r reports) AskSplit(req *schedulerpb.AskSplitRequest) {
	req = proto.CloneOf(req)
	req.Header = clusterHeader
	s := r.s
	s.splits++
	stream := streamOfSplits + req.Region.Id*splitsOfRegion + s.env.Incarnation%splitsOfLife*splitsOfLife + s.splits%splitsOfLife
	s.asked[stream] = req.Region
	r.send(stream, req)
}

func (r reports) FindRegion(id uint64) {
	r.send(id, &schedulerpb.GetRegionByIDRequest{Header: clusterHeader, RegionId: id})
}

// hears gives the store what the scheduler says, and reports whether p is from there.
func (s *store) hears(p *sim.Packet) bool {
	switch body := p.Body.(type) {
	case *schedulerpb.RegionHeartbeatResponse:
		s.Order(body)
	case *schedulerpb.AskSplitResponse:
		if asked := s.asked[p.Stream]; asked != nil {
			s.SplitIDs(proto.CloneOf(asked), body)
		}
	case *schedulerpb.GetRegionResponse:
		s.Found(body.Region)
	case *schedulerpb.PutStoreResponse:
		if p.Stream == streamOfStore+s.id {
			s.joined, s.system.known[s.id] = true, true
		}
	default:
		return false
	}
	return true
}
