package scheduler

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// This file holds the requests of the service schedulerpb.Scheduler, but for
// timestamps and heartbeats.

// clone returns a copy of m for a response, which its receiver may keep.
func clone[M proto.Message](m M) M { return proto.Clone(m).(M) }

// GetMembers is the one request that need not name the cluster: a client learns
// from its answer which cluster this is.
func (s *Scheduler) GetMembers(context.Context, *schedulerpb.GetMembersRequest) (*schedulerpb.GetMembersResponse, error) {
	resp := &schedulerpb.GetMembersResponse{Header: &schedulerpb.ResponseHeader{ClusterId: s.cfg.ClusterID}}
	if m := s.cfg.Member; m != nil {
		resp.Members, resp.Leader, resp.EtcdLeader = []*schedulerpb.Member{m}, m, m
	}
	return resp, nil
}

// Bootstrap records the first store of a new cluster, whose id comes from
// AllocID.
func (s *Scheduler) Bootstrap(_ context.Context, req *schedulerpb.BootstrapRequest) (*schedulerpb.BootstrapResponse, error) {
	resp := &schedulerpb.BootstrapResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), anyState, func() error {
		m := req.GetStore()
		if err := s.allocated(m); err != nil && s.state.cluster == nil {
			return err
		}
		return s.run(&schedulerpb.Command{
			Bootstrap:  orEmpty(m),
			PutCluster: &metapb.Cluster{Id: s.cfg.ClusterID, MaxPeerCount: s.cfg.Options.MaxPeerCount},
		})
	})
	return resp, err
}

// allocated refuses a store whose id was not handed out: AllocID would hand it out
// later, for something else.
func (s *Scheduler) allocated(m *metapb.Store) error {
	if m.GetId() > s.ids.last {
		return refuse("store id %d does not come from this scheduler: ask it for one", m.GetId())
	}
	return nil
}

// orEmpty returns m, or an empty store where there is none.
func orEmpty(m *metapb.Store) *metapb.Store {
	if m == nil {
		return &metapb.Store{}
	}
	return m
}

// IsBootstrapped reports whether the cluster has its first store.
func (s *Scheduler) IsBootstrapped(_ context.Context, req *schedulerpb.IsBootstrappedRequest) (*schedulerpb.IsBootstrappedResponse, error) {
	resp := &schedulerpb.IsBootstrappedResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), anyState, func() error {
		resp.Bootstrapped = s.state.cluster != nil
		return nil
	})
	return resp, err
}

// AllocID hands out one id for a store, a region or a peer.
func (s *Scheduler) AllocID(_ context.Context, req *schedulerpb.AllocIDRequest) (*schedulerpb.AllocIDResponse, error) {
	resp := &schedulerpb.AllocIDResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), anyState, func() error {
		ids, err := s.takeIDs(1)
		if err == nil {
			resp.Id = ids[0]
		}
		return err
	})
	return resp, err
}

// GetStore describes one store; also a tombstone.
func (s *Scheduler) GetStore(_ context.Context, req *schedulerpb.GetStoreRequest) (*schedulerpb.GetStoreResponse, error) {
	resp := &schedulerpb.GetStoreResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		info := s.stores[req.GetStoreId()]
		if info == nil {
			return refuse("store %d is not known", req.GetStoreId())
		}
		resp.Store = clone(info.meta)
		if info.stats != nil {
			resp.Stats = clone(info.stats)
		}
		return nil
	})
	return resp, err
}

// PutStore adds a store, or updates the address of one.
func (s *Scheduler) PutStore(_ context.Context, req *schedulerpb.PutStoreRequest) (*schedulerpb.PutStoreResponse, error) {
	resp := &schedulerpb.PutStoreResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		m := orEmpty(req.GetStore())
		if err := s.allocated(m); err != nil {
			return err
		}
		if err := s.run(&schedulerpb.Command{PutStore: m}); err != nil {
			return err
		}
		s.stores[m.Id].heard = s.uptime // it is starting
		return nil
	})
	return resp, err
}

// GetAllStores describes all stores, in the order of their ids.
func (s *Scheduler) GetAllStores(_ context.Context, req *schedulerpb.GetAllStoresRequest) (*schedulerpb.GetAllStoresResponse, error) {
	resp := &schedulerpb.GetAllStoresResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		for _, info := range s.sortedStores() {
			if info.meta.State == metapb.StoreState_Tombstone && req.GetExcludeTombstoneStores() {
				continue
			}
			resp.Stores = append(resp.Stores, clone(info.meta))
		}
		return nil
	})
	return resp, err
}

// GetRegion finds the region that holds a key. If none is known, the response
// has none.
func (s *Scheduler) GetRegion(_ context.Context, req *schedulerpb.GetRegionRequest) (*schedulerpb.GetRegionResponse, error) {
	return s.findRegion(req.GetHeader(), func() *metapb.Region { return s.regions.byKey.At(req.GetRegionKey()) })
}

// GetPrevRegion finds the region that ends where the region of a key begins.
func (s *Scheduler) GetPrevRegion(_ context.Context, req *schedulerpb.GetRegionRequest) (*schedulerpb.GetRegionResponse, error) {
	return s.findRegion(req.GetHeader(), func() *metapb.Region {
		r := s.regions.byKey.At(req.GetRegionKey())
		if r == nil {
			return nil
		}
		return s.regions.byKey.EndingAt(r.StartKey)
	})
}

// GetRegionByID finds a region by its id.
func (s *Scheduler) GetRegionByID(_ context.Context, req *schedulerpb.GetRegionByIDRequest) (*schedulerpb.GetRegionResponse, error) {
	return s.findRegion(req.GetHeader(), func() *metapb.Region {
		if info := s.regions.byID[req.GetRegionId()]; info != nil {
			return info.meta
		}
		return nil
	})
}

func (s *Scheduler) findRegion(h *schedulerpb.RequestHeader, find func() *metapb.Region) (*schedulerpb.GetRegionResponse, error) {
	resp := &schedulerpb.GetRegionResponse{}
	var err error
	resp.Header, err = s.serve(h, bootstrapped, func() error {
		found := find()
		if found == nil {
			return nil
		}
		resp.Region = clone(found)
		resp.Leader = region.Peer(resp.Region, s.regions.byID[found.Id].leader.GetId())
		for _, p := range resp.Region.Peers {
			if p != resp.Leader {
				resp.Slaves = append(resp.Slaves, p)
			}
		}
		return nil
	})
	return resp, err
}

// ScanRegions lists the regions that meet a range of keys.
func (s *Scheduler) ScanRegions(_ context.Context, req *schedulerpb.ScanRegionsRequest) (*schedulerpb.ScanRegionsResponse, error) {
	resp := &schedulerpb.ScanRegionsResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		keys := engine.Range{Start: req.GetStartKey(), End: req.GetEndKey()}
		for r := range s.regions.byKey.Within(keys) {
			if limit := int(req.GetLimit()); limit > 0 && len(resp.Regions) == limit {
				break
			}
			r = clone(r)
			leader := region.Peer(r, s.regions.byID[r.Id].leader.GetId())
			if leader == nil {
				leader = &metapb.Peer{}
			}
			resp.Regions = append(resp.Regions, r)
			resp.Leaders = append(resp.Leaders, leader)
		}
		return nil
	})
	return resp, err
}

// AskSplit allocates the ids that a region needs to split. The region must be
// known, and the request must not be older than what is known of it.
func (s *Scheduler) AskSplit(_ context.Context, req *schedulerpb.AskSplitRequest) (*schedulerpb.AskSplitResponse, error) {
	resp := &schedulerpb.AskSplitResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		r := req.GetRegion()
		if err := s.wellFormed(r); err != nil {
			return err
		}
		if s.regions.byID[r.Id] == nil {
			return refuseAs(schedulerpb.ErrorType_REGION_NOT_FOUND, "region %d is not known", r.Id)
		}
		if _, err := s.regions.check(&regionInfo{meta: r}); err != nil {
			return err
		}
		ids, err := s.takeIDs(1 + len(r.Peers))
		if err != nil {
			return err
		}
		resp.NewRegionId, resp.NewPeerIds = ids[0], ids[1:]
		return nil
	})
	return resp, err
}

// GetClusterConfig reads the settings.
func (s *Scheduler) GetClusterConfig(_ context.Context, req *schedulerpb.GetClusterConfigRequest) (*schedulerpb.GetClusterConfigResponse, error) {
	resp := &schedulerpb.GetClusterConfigResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		resp.Cluster = clone(s.state.cluster)
		return nil
	})
	return resp, err
}

// PutClusterConfig changes the settings.
func (s *Scheduler) PutClusterConfig(_ context.Context, req *schedulerpb.PutClusterConfigRequest) (*schedulerpb.PutClusterConfigResponse, error) {
	resp := &schedulerpb.PutClusterConfigResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		c := req.GetCluster()
		if c.GetId() != s.cfg.ClusterID {
			return refuse("the settings are for cluster %d: this is cluster %d", c.GetId(), s.cfg.ClusterID)
		}
		return s.run(&schedulerpb.Command{PutCluster: c})
	})
	return resp, err
}

// GetGCSafePoint reads the safe point and the clean point.
func (s *Scheduler) GetGCSafePoint(_ context.Context, req *schedulerpb.GetGCSafePointRequest) (*schedulerpb.GetGCSafePointResponse, error) {
	resp := &schedulerpb.GetGCSafePointResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		resp.SafePoint, resp.CleanPoint = s.state.counters.SafePoint, s.state.counters.CleanPoint
		return nil
	})
	return resp, err
}

// UpdateGCSafePoint advances the safe point and the clean point, or answers where they
// are already. A safe point has to be in the past: no transaction that begins after the
// answer is below it.
func (s *Scheduler) UpdateGCSafePoint(_ context.Context, req *schedulerpb.UpdateGCSafePointRequest) (*schedulerpb.UpdateGCSafePointResponse, error) {
	resp := &schedulerpb.UpdateGCSafePointResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		now := s.state.counters
		if req.GetSafePoint() > now.SafePoint {
			next, err := s.timestamp(1)
			if err != nil {
				return err
			}
			if limit := uint64(next.Physical)<<LogicalBits | uint64(next.Logical); req.GetSafePoint() >= limit {
				return refuse("safe point %d is in the future: it must be below the next timestamp, %d", req.GetSafePoint(), limit)
			}
		}
		if req.GetSafePoint() > now.SafePoint || req.GetCleanPoint() > now.CleanPoint {
			if err := s.run(&schedulerpb.Command{AdvanceSafePoint: req.GetSafePoint(), AdvanceCleanPoint: req.GetCleanPoint()}); err != nil {
				return err
			}
		}
		resp.NewSafePoint, resp.NewCleanPoint = s.state.counters.SafePoint, s.state.counters.CleanPoint
		return nil
	})
	return resp, err
}
