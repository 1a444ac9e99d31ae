package scheduler

import (
	"bytes"
	"context"
	"strings"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// This file holds the requests of the service schedulerpb.Admin, and the
// requests of schedulerpb.Scheduler that are about operators.

// RemoveStore takes a store offline. Its peers move to other stores; once it has
// none, it becomes a tombstone.
func (s *Scheduler) RemoveStore(_ context.Context, req *schedulerpb.RemoveStoreRequest) (*schedulerpb.RemoveStoreResponse, error) {
	resp := &schedulerpb.RemoveStoreResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		var err error
		resp.Store, err = s.moveStore(req.GetStoreId(), metapb.StoreState_Offline)
		return err
	})
	return resp, err
}

// RestoreStore takes an offline store back into service.
func (s *Scheduler) RestoreStore(_ context.Context, req *schedulerpb.RestoreStoreRequest) (*schedulerpb.RestoreStoreResponse, error) {
	resp := &schedulerpb.RestoreStoreResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		var err error
		resp.Store, err = s.moveStore(req.GetStoreId(), metapb.StoreState_Up)
		return err
	})
	return resp, err
}

func (s *Scheduler) moveStore(id uint64, to metapb.StoreState) (*metapb.Store, error) {
	if err := s.run(&schedulerpb.Command{ChangeStore: &schedulerpb.StoreChange{StoreId: id, State: to}}); err != nil {
		return nil, err
	}
	return clone(s.state.stores[id]), nil
}

// GetOperator describes the operator of a region that is under way, or the last
// one that has ended.
func (s *Scheduler) GetOperator(_ context.Context, req *schedulerpb.GetOperatorRequest) (*schedulerpb.GetOperatorResponse, error) {
	resp := &schedulerpb.GetOperatorResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		o := s.operators.running[req.GetRegionId()]
		for i := len(s.operators.history) - 1; o == nil && i >= 0; i-- {
			if ended := s.operators.history[i]; ended.expected.Id == req.GetRegionId() {
				o = ended
			}
		}
		if o == nil {
			return refuse("region %d has no operator", req.GetRegionId())
		}
		resp.RegionId, resp.Status = req.GetRegionId(), o.status
		resp.Desc, resp.Kind = []byte(o.desc), []byte(o.kind)
		return nil
	})
	return resp, err
}

// ListOperators lists the operators under way, and those that have ended.
func (s *Scheduler) ListOperators(_ context.Context, req *schedulerpb.ListOperatorsRequest) (*schedulerpb.ListOperatorsResponse, error) {
	resp := &schedulerpb.ListOperatorsResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		resp.Running, resp.History = s.operators.list(req.GetRegionId())
		return nil
	})
	return resp, err
}

// CancelOperator ends the operator of a region.
func (s *Scheduler) CancelOperator(_ context.Context, req *schedulerpb.CancelOperatorRequest) (*schedulerpb.CancelOperatorResponse, error) {
	resp := &schedulerpb.CancelOperatorResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		o := s.operators.running[req.GetRegionId()]
		if o == nil {
			return refuse("region %d has no operator under way", req.GetRegionId())
		}
		s.end(o, schedulerpb.OperatorStatus_CANCEL, "cancelled by hand")
		return nil
	})
	return resp, err
}

// ScatterRegion spreads the peers and the leader of a region over the stores. A
// request that describes a region in full is first taken as a heartbeat of it.
func (s *Scheduler) ScatterRegion(_ context.Context, req *schedulerpb.ScatterRegionRequest) (*schedulerpb.ScatterRegionResponse, error) {
	resp := &schedulerpb.ScatterRegionResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		id := req.GetRegionId()
		if r := req.GetRegion(); r != nil {
			if id == 0 {
				id = r.Id
			}
			if r.Id != id {
				return refuse("the request is for region %d and describes region %d", id, r.Id)
			}
			if s.regions.byID[id] == nil {
				if _, err := s.learn(&schedulerpb.RegionHeartbeatRequest{Header: req.Header, Region: r, Leader: req.Leader}); err != nil {
					return err
				}
			}
		}
		r, err := s.changeable(id)
		if err != nil {
			return err
		}
		if o := s.scatter(r); o != nil {
			return s.start(o)
		}
		return nil
	})
	return resp, err
}

// AddOperator changes a region by hand. People are above the limits on operators,
// but what cannot work is refused.
func (s *Scheduler) AddOperator(_ context.Context, req *schedulerpb.AddOperatorRequest) (*schedulerpb.AddOperatorResponse, error) {
	resp := &schedulerpb.AddOperatorResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		r, err := s.changeable(req.GetRegionId())
		if err != nil {
			return err
		}
		o, err := s.byHand(r, req)
		if err != nil || o == nil {
			return err
		}
		if err := s.start(o); err != nil {
			return err
		}
		resp.Operator = o.proto()
		return nil
	})
	return resp, err
}

// changeable returns a region that an operator can be made for: an order needs a
// leader that is known.
func (s *Scheduler) changeable(id uint64) (*regionInfo, error) {
	r := s.regions.byID[id]
	switch {
	case r == nil:
		return nil, refuseAs(schedulerpb.ErrorType_REGION_NOT_FOUND, "region %d is not known", id)
	case r.leader == nil:
		return nil, refuse("no leader of region %d is known", id)
	}
	return r, nil
}

// byHand returns the operator that people ask for, or nil if it would do nothing.
func (s *Scheduler) byHand(r *regionInfo, req *schedulerpb.AddOperatorRequest) (*operator, error) {
	build := func(steps ...step) (*operator, error) {
		what := strings.ReplaceAll(strings.ToLower(req.Change.String()), "_", " ")
		return newOperator(opAdmin, r, what+", by hand", steps...), nil
	}
	switch req.Change {
	case schedulerpb.RegionChange_ADD_PEER:
		if err := s.mayAdd(r, req.ToStoreId); err != nil {
			return nil, err
		}
		return build(&addPeer{&metapb.Peer{StoreId: req.ToStoreId}})
	case schedulerpb.RegionChange_REMOVE_PEER:
		p, err := member(r, req.StoreId)
		switch {
		case err != nil:
			return nil, err
		case len(r.meta.Peers) == 1:
			return nil, refuse("the peer on store %d is the last one of region %d", req.StoreId, r.meta.Id)
		case p.Id == r.leader.Id && s.heir(r) == nil:
			return nil, refuse("the peer on store %d leads region %d, and no other one can", req.StoreId, r.meta.Id)
		}
		return build(&removePeer{p})
	case schedulerpb.RegionChange_MOVE_PEER:
		p, err := member(r, req.StoreId)
		if err != nil {
			return nil, err
		}
		if err := s.mayAdd(r, req.ToStoreId); err != nil {
			return nil, err
		}
		return build(s.move(r, p, req.ToStoreId)...)
	case schedulerpb.RegionChange_TRANSFER_LEADER:
		p, err := member(r, req.ToStoreId)
		switch {
		case err != nil:
			return nil, err
		case p.Id == r.leader.Id:
			return nil, nil
		case r.isPending(p.Id):
			return nil, refuse("the peer on store %d is too far behind to lead region %d", req.ToStoreId, r.meta.Id)
		case s.stores[p.StoreId].meta.State != metapb.StoreState_Up || s.disconnected(s.stores[p.StoreId]):
			return nil, refuse("store %d is not in service", req.ToStoreId)
		}
		return build(&transferLeader{p})
	case schedulerpb.RegionChange_SPLIT:
		if len(req.Key) > 0 && (!region.Range(r.meta).Contains(req.Key) || bytes.Equal(req.Key, r.meta.StartKey)) {
			return nil, refuse("region %d cannot be split at %q: it holds the keys from %q to %q", r.meta.Id, req.Key, r.meta.StartKey, r.meta.EndKey)
		}
		return build(&splitRegion{bytes.Clone(req.Key), r.meta.RegionEpoch.Version})
	case schedulerpb.RegionChange_SCATTER:
		return s.scatter(r), nil
	}
	return nil, refuse("%s is no change of a region", req.Change)
}

// member returns the peer of r on a store.
func member(r *regionInfo, storeID uint64) (*metapb.Peer, error) {
	if p := region.PeerOn(r.meta, storeID); p != nil {
		return p, nil
	}
	return nil, refuse("region %d has no peer on store %d", r.meta.Id, storeID)
}

// mayAdd refuses to add a peer of r on a store that has one, or cannot take one.
func (s *Scheduler) mayAdd(r *regionInfo, storeID uint64) error {
	info := s.stores[storeID]
	switch {
	case info == nil:
		return refuse("store %d is not known", storeID)
	case region.PeerOn(r.meta, storeID) != nil:
		return refuse("region %d has a peer on store %d already", r.meta.Id, storeID)
	case info.meta.State != metapb.StoreState_Up || s.disconnected(info):
		return refuse("store %d is not in service", storeID)
	case len(r.meta.Peers) >= maxPeerCount:
		return refuse("region %d has %d peers already", r.meta.Id, len(r.meta.Peers))
	}
	return nil
}
