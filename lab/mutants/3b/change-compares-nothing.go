//go:build mutant

// A change of the members that does not compare conf_ver: one that was asked for long ago
// is carried out now.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"fmt"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func evolve(r *metapb.Region, c *raftserverpb.Command) ([]*metapb.Region, error) {
	if err := region.CheckMembers(r, c.Epoch); err != nil && c.ChangePeer == nil {
		return nil, err
	}
	if change := c.ChangePeer; change != nil {
		with := region.Add
		switch change.Type {
		case eraftpb.ConfChangeType_AddNode:
		case eraftpb.ConfChangeType_RemoveNode:
			with = region.Remove
		default: // Raft would do nothing
			return nil, region.Invalid(fmt.Sprintf("no change of the members of region %d is of type %d", r.Id, change.Type))
		}
		changed, err := with(r, change.Peer)
		return []*metapb.Region{changed}, err
	}
	if err := region.Check(r, c.Epoch); err != nil {
		return nil, err
	}
	if c.Split == nil {
		return nil, region.Invalid("the request asks for no change")
	}
	left, right, err := region.Split(r, c.Split.Key, c.Split.NewRegionId, c.Split.NewPeerIds)
	return []*metapb.Region{left, right}, err
}
