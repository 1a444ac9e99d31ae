package scheduler

import (
	"context"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// This file holds the requests of the service schedulerpb.Admin, and those of
// schedulerpb.Scheduler that are about operators.

// RemoveStore takes a store offline. Its peers move to other stores; once it has
// none, it becomes a tombstone.
func (s *Scheduler) RemoveStore(_ context.Context, req *schedulerpb.RemoveStoreRequest) (*schedulerpb.RemoveStoreResponse, error) {
	resp := &schedulerpb.RemoveStoreResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
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
		resp.Store, err = s.moveStore(req.GetStoreId(), metapb.StoreState_Up)
		return err
	})
	return resp, err
}

func (s *Scheduler) moveStore(id uint64, to metapb.StoreState) (*metapb.Store, error) {
	if err := s.run(&schedulerpb.Command{ChangeStore: &schedulerpb.StoreChange{StoreId: id, State: to}}); err != nil {
		return nil, err
	}
	return s.state.stores[id], nil
}

// GetOperator describes the operator of a region that is under way, or the last
// one that has ended.
func (s *Scheduler) GetOperator(_ context.Context, req *schedulerpb.GetOperatorRequest) (*schedulerpb.GetOperatorResponse, error) {
	resp := &schedulerpb.GetOperatorResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		return refuse("region %d has no operator", req.GetRegionId())
	})
	return resp, err
}

// ScatterRegion spreads the peers and the leader of a region over the stores.
func (s *Scheduler) ScatterRegion(_ context.Context, req *schedulerpb.ScatterRegionRequest) (*schedulerpb.ScatterRegionResponse, error) {
	resp := &schedulerpb.ScatterRegionResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error { return refuse("not yet") })
	return resp, err
}

// AddOperator changes a region by hand.
func (s *Scheduler) AddOperator(_ context.Context, req *schedulerpb.AddOperatorRequest) (*schedulerpb.AddOperatorResponse, error) {
	resp := &schedulerpb.AddOperatorResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error { return refuse("not yet") })
	return resp, err
}

// CancelOperator ends the operator of a region.
func (s *Scheduler) CancelOperator(_ context.Context, req *schedulerpb.CancelOperatorRequest) (*schedulerpb.CancelOperatorResponse, error) {
	resp := &schedulerpb.CancelOperatorResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error { return refuse("not yet") })
	return resp, err
}

// ListOperators lists the operators under way, and those that have ended.
func (s *Scheduler) ListOperators(_ context.Context, req *schedulerpb.ListOperatorsRequest) (*schedulerpb.ListOperatorsResponse, error) {
	resp := &schedulerpb.ListOperatorsResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error { return nil })
	return resp, err
}
