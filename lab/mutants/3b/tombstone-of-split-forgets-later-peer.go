//go:build mutant

// The tombstone of a right half that must not be born has the id of the split's peer,
// although a later peer of that region was removed here, too. After a restart the later
// one may come back, without what it has promised.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (a *applier) split(c *raftserverpb.Command) error {
	err := a.split_original(c)
	if err == nil {
		state := a.next.others[0]
		state.PeerId = region.PeerOn(state.Region, a.peer.store.cfg.StoreID).GetId()
	}
	return err
}
