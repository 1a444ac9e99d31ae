package scheduler

import (
	"bytes"
	"fmt"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A step is one change of a region, small enough for one order. An order may get
// lost, or be carried out late: so it is repeated with every heartbeat until a
// heartbeat shows that the step is finished.
type step interface {
	// explains reports whether a region that was as before, and is as after with
	// another epoch, has gone through this step and nothing else.
	explains(before, after *metapb.Region) bool

	// finished reports whether the next step may begin.
	finished(r *regionInfo) bool

	// order returns what the leader of r is to do for the step, or nil if it
	// must wait. The caller adds the region, its epoch and its leader.
	order(c *cluster, r *regionInfo) *schedulerpb.RegionHeartbeatResponse

	// String describes the step for people.
	String() string
}

// addPeer adds a peer on a store. It is finished when the peer has caught up: as
// long as it is pending, the region has one replica less than it seems to have.
type addPeer struct {
	peer *metapb.Peer // its id is 0 until the operator starts
}

func (s *addPeer) String() string {
	return fmt.Sprintf("add peer %d on store %d", s.peer.Id, s.peer.StoreId)
}

// The peer was no member, and has joined: conf_ver is one greater, and all other
// members, and version, are as before. The step goes on while the peer is pending;
// another peer that joins meanwhile is not explained.
//
//lab:implement 3C
func (s *addPeer) explains(before, after *metapb.Region) bool {
	return oneConfChange(before, after) && len(after.Peers) == len(before.Peers)+1 && region.Peer(before, s.peer.Id) == nil &&
		samePeer(region.Peer(after, s.peer.Id), s.peer) && includes(after, before)
}

// The peer, with this id on this store, is a member and not pending.
//
//lab:implement 3C
func (s *addPeer) finished(r *regionInfo) bool {
	return samePeer(region.Peer(r.meta, s.peer.Id), s.peer) && !r.isPending(s.peer.Id)
}

// A peer that is a member already must only catch up: that is waited for.
//
//lab:implement 3C
func (s *addPeer) order(_ *cluster, r *regionInfo) *schedulerpb.RegionHeartbeatResponse {
	if region.Peer(r.meta, s.peer.Id) != nil {
		return nil // it is catching up
	}
	return changePeer(eraftpb.ConfChangeType_AddNode, s.peer)
}

// removePeer removes a peer. A leader is not asked to remove itself: it hands
// over its leadership first.
type removePeer struct {
	peer *metapb.Peer
}

func (s *removePeer) String() string {
	return fmt.Sprintf("remove peer %d from store %d", s.peer.Id, s.peer.StoreId)
}

// The peer has left: conf_ver is one greater, and all other members, and version,
// are as before.
//
//lab:implement 3C
func (s *removePeer) explains(before, after *metapb.Region) bool {
	return oneConfChange(before, after) && len(after.Peers) == len(before.Peers)-1 &&
		region.Peer(after, s.peer.Id) == nil && includes(before, after)
}

// The peer is no longer a member, or never was.
//
//lab:implement 3C
func (s *removePeer) finished(r *regionInfo) bool { return region.Peer(r.meta, s.peer.Id) == nil }

// Where the peer leads, the order is to hand over to the best member (heir), or
// none if there is no such member now.
//
//lab:implement 3C
func (s *removePeer) order(c *cluster, r *regionInfo) *schedulerpb.RegionHeartbeatResponse {
	if r.leader.Id != s.peer.Id {
		return changePeer(eraftpb.ConfChangeType_RemoveNode, s.peer)
	}
	if heir := c.heir(r); heir != nil {
		return (&transferLeader{heir}).order(c, r)
	}
	return nil
}

// transferLeader makes a peer the leader.
type transferLeader struct {
	peer *metapb.Peer
}

func (s *transferLeader) String() string {
	return fmt.Sprintf("transfer the leadership to peer %d on store %d", s.peer.Id, s.peer.StoreId)
}

// Neither the range nor the members change.
func (s *transferLeader) explains(_, _ *metapb.Region) bool { return false }

func (s *transferLeader) finished(r *regionInfo) bool { return r.leader.GetId() == s.peer.Id }

func (s *transferLeader) order(_ *cluster, r *regionInfo) *schedulerpb.RegionHeartbeatResponse {
	return &schedulerpb.RegionHeartbeatResponse{TransferLeader: &schedulerpb.TransferLeader{Peer: s.peer}}
}

// splitRegion splits a region in two.
type splitRegion struct {
	key     []byte // the first of the right half; empty: the store chooses
	version uint64 // of the region before
}

func (s *splitRegion) String() string {
	if len(s.key) == 0 {
		return "split in the middle"
	}
	return fmt.Sprintf("split at %q", s.key)
}

func (s *splitRegion) explains(before, after *metapb.Region) bool {
	epoch, was := after.RegionEpoch, before.RegionEpoch
	return epoch.Version == was.Version+1 && epoch.ConfVer == was.ConfVer &&
		bytes.Equal(after.StartKey, before.StartKey) && !bytes.Equal(after.EndKey, before.EndKey)
}

func (s *splitRegion) finished(r *regionInfo) bool { return r.meta.RegionEpoch.Version > s.version }

func (s *splitRegion) order(_ *cluster, r *regionInfo) *schedulerpb.RegionHeartbeatResponse {
	return &schedulerpb.RegionHeartbeatResponse{SplitRegion: &schedulerpb.SplitRegion{Key: s.key}}
}

func changePeer(t eraftpb.ConfChangeType, p *metapb.Peer) *schedulerpb.RegionHeartbeatResponse {
	return &schedulerpb.RegionHeartbeatResponse{ChangePeer: &schedulerpb.ChangePeer{Peer: p, ChangeType: t}}
}

// oneConfChange reports whether after is one change of members past before.
func oneConfChange(before, after *metapb.Region) bool {
	epoch, was := after.RegionEpoch, before.RegionEpoch
	return epoch.ConfVer == was.ConfVer+1 && epoch.Version == was.Version
}

// includes reports whether all members of b are members of a.
func includes(a, b *metapb.Region) bool {
	for _, p := range b.Peers {
		if !samePeer(region.Peer(a, p.Id), p) {
			return false
		}
	}
	return true
}

func samePeer(a, b *metapb.Peer) bool {
	return a != nil && b != nil && a.Id == b.Id && a.StoreId == b.StoreId
}
