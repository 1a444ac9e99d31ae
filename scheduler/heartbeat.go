package scheduler

import (
	"bytes"
	"context"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// StoreHeartbeat takes a store's report on itself.
func (s *Scheduler) StoreHeartbeat(_ context.Context, req *schedulerpb.StoreHeartbeatRequest) (*schedulerpb.StoreHeartbeatResponse, error) {
	resp := &schedulerpb.StoreHeartbeatResponse{}
	var err error
	resp.Header, err = s.serve(req.GetHeader(), bootstrapped, func() error {
		s.counts.StoreHeartbeats++
		info := s.stores[req.GetStats().GetStoreId()]
		switch {
		case info == nil:
			return refuse("store %d is not known", req.GetStats().GetStoreId())
		case info.meta.State == metapb.StoreState_Tombstone:
			return refuseAs(schedulerpb.ErrorType_STORE_TOMBSTONE, "store %d was removed for good", info.id())
		}
		info.stats = clone(req.GetStats())
		info.heard = s.uptime
		return nil
	})
	return resp, err
}

// RegionHeartbeat takes a leader's report on its region. It returns an order for
// that leader, or why the report was refused, or nil if there is nothing to do.
//
// A report moves the operator of its region on. Without one, the region is
// checked at once.
func (s *Scheduler) RegionHeartbeat(req *schedulerpb.RegionHeartbeatRequest) *schedulerpb.RegionHeartbeatResponse {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.RegionHeartbeats++
	r, err := s.learn(req)
	if err != nil {
		if isRefusal(err) {
			s.counts.RefusedHeartbeats++
		}
		return s.complaint(req, err)
	}
	if o := s.operators.running[r.meta.Id]; o != nil {
		if status, reason := o.advance(r); status != schedulerpb.OperatorStatus_RUNNING {
			s.end(o, status, reason)
		}
	}
	if err := s.repair(r); err != nil {
		return s.complaint(req, err)
	}
	o := s.operators.running[r.meta.Id]
	if o == nil {
		return nil
	}
	order := o.order(&s.cluster, r)
	if order == nil {
		return nil
	}
	s.counts.Orders++
	order.Header, _ = s.header(nil)
	return clone(order)
}

// complaint answers a heartbeat that was refused, or met a broken disk. It orders
// nothing.
func (s *Scheduler) complaint(req *schedulerpb.RegionHeartbeatRequest, err error) *schedulerpb.RegionHeartbeatResponse {
	h, err := s.header(err)
	if err != nil {
		h.Error = &schedulerpb.Error{Type: schedulerpb.ErrorType_UNKNOWN, Message: err.Error()}
		s.log.Error("a heartbeat was not recorded", "region", req.GetRegion().GetId(), "err", err)
	}
	return &schedulerpb.RegionHeartbeatResponse{Header: h, RegionId: req.GetRegion().GetId()}
}

// learn makes what a heartbeat reports known, and returns it; or it refuses the
// heartbeat and changes nothing. It refuses requests for other clusters, and those
// that come before the first store (admit), reports that cannot be true (report), and
// stale ones (check).
//
// A region that is new, or has another epoch than was known, is recorded on the
// disk before it is known in memory, together with the end of those that it
// replaces. If that fails, nothing has changed. A report that brings nothing of this
// costs no write. Operators of regions that are replaced are cancelled.
//
//lab:implement 3C
func (s *Scheduler) learn(req *schedulerpb.RegionHeartbeatRequest) (*regionInfo, error) {
	if err := s.admit(req.GetHeader(), bootstrapped); err != nil {
		return nil, err
	}
	r, err := s.report(req)
	if err != nil {
		return nil, err
	}
	replaced, err := s.regions.check(r)
	if err != nil {
		return nil, err
	}
	old := s.regions.byID[r.meta.Id]
	if old == nil || len(replaced) > 0 || !sameEpoch(old.meta.RegionEpoch, r.meta.RegionEpoch) {
		if err := s.record(r.meta, replaced); err != nil {
			return nil, errors.Annotate(err, "scheduler: cannot write")
		}
	}
	s.regions.put(r)
	for _, old := range replaced {
		if o := s.operators.running[old.meta.Id]; o != nil {
			s.end(o, schedulerpb.OperatorStatus_CANCEL, "the region is gone")
		}
	}
	return r, nil
}

// report returns what a heartbeat reports, or refuses one that cannot be true.
func (s *Scheduler) report(req *schedulerpb.RegionHeartbeatRequest) (*regionInfo, error) {
	r := req.GetRegion()
	if err := s.wellFormed(r); err != nil {
		return nil, err
	}
	leader := region.Peer(r, req.GetLeader().GetId())
	if leader == nil || leader.StoreId != req.Leader.StoreId {
		return nil, refuse("peer %d on store %d is not a member of region %d, which it claims to lead",
			req.GetLeader().GetId(), req.GetLeader().GetStoreId(), r.Id)
	}
	info := &regionInfo{
		meta: clone(r),
		size: req.ApproximateSize,
		term: req.Term,
	}
	info.leader = region.Peer(info.meta, leader.Id)
	for _, p := range req.PendingPeers {
		// A peer that is no longer a member is not pending either.
		if m := region.Peer(info.meta, p.GetId()); m != nil && m.Id != leader.Id && !info.isPending(m.Id) {
			info.pending = append(info.pending, m)
		}
	}
	if old := s.regions.byID[r.Id]; old != nil {
		info.quiet = old.quiet
	}
	return info, nil
}

// wellFormed refuses a region that cannot exist:
//   - one without an id, without peers, or without a key in its range (an empty
//     EndKey is the end of all keys);
//   - one with a version or a conf_ver of 0: both begin with 1;
//   - one with a peer that has no id, two peers with the same id, or two peers on
//     one store;
//   - one with a peer on a store that is not known. A tombstone is known;
//   - one whose id, or a peer's id, was never handed out by this scheduler.
//
// r may be nil, and so may be its epoch and its peers.
//
//lab:implement 3C
func (s *Scheduler) wellFormed(r *metapb.Region) error {
	switch {
	case r.GetId() == 0:
		return refuse("the region has no id")
	case r.RegionEpoch.GetVersion() == 0 || r.RegionEpoch.GetConfVer() == 0:
		return refuse("region %d has the epoch 0: version and conf_ver begin with 1", r.Id)
	case len(r.EndKey) > 0 && bytes.Compare(r.StartKey, r.EndKey) >= 0:
		return refuse("region %d has no keys: it starts at %q and ends at %q", r.Id, r.StartKey, r.EndKey)
	case len(r.Peers) == 0:
		return refuse("region %d has no peers", r.Id)
	case r.Id > s.ids.last:
		return refuse("region id %d does not come from this scheduler", r.Id)
	}
	for i, p := range r.Peers {
		switch {
		case p.GetId() == 0:
			return refuse("region %d has a peer without an id", r.Id)
		case p.Id > s.ids.last:
			return refuse("region %d has a peer whose id %d does not come from this scheduler", r.Id, p.Id)
		case s.stores[p.StoreId] == nil:
			return refuse("peer %d of region %d is on store %d, which is not known", p.Id, r.Id, p.StoreId)
		}
		for _, other := range r.Peers[:i] {
			if other.Id == p.Id {
				return refuse("region %d has two peers with the id %d", r.Id, p.Id)
			}
			if other.StoreId == p.StoreId {
				return refuse("region %d has two peers on store %d", r.Id, p.StoreId)
			}
		}
	}
	return nil
}

// record writes the description of a region, and forgets those that it replaces.
// It need not be durable: a scheduler that restarts with an older one hears the
// newer one with the next heartbeat. Nothing that was promised depends on it.
func (s *Scheduler) record(r *metapb.Region, replaced []*regionInfo) error {
	var b engine.Batch
	for _, old := range replaced {
		b.Delete(cfScheduler, regionKey(old.meta.Id))
	}
	put(&b, regionKey(r.Id), r)
	return s.cfg.Engine.Write(&b, false)
}
