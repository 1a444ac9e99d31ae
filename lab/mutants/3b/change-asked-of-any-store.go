//go:build mutant

// Whether the peer leads, and whether the request is for this store, is left to
// Raft, whose refusal comes later, and says less.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/raft"
)

func (p *peer) administer(a *Admin) {
	if a.TransferLeader != nil || p.node.BasicStatus().RaftState == raft.StateLeader && a.Context.Peer == nil && a.Context.Term == 0 {
		p.administer_original(a)
		return
	}
	a = &Admin{
		Context: &kvrpcpb.Context{RegionId: a.Context.RegionId, RegionEpoch: a.Context.RegionEpoch},
		Split:   a.Split, ChangePeer: a.ChangePeer, TransferLeader: a.TransferLeader, Done: a.Done,
	}
	if p.node.BasicStatus().RaftState == raft.StateLeader {
		p.administer_original(a)
		return
	}
	a.Done(nil, region.NotLeader(p.region().Id, nil))
}
