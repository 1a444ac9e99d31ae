//go:build variant

// The move of a peer that leads has no step of its own for the transfer: the removal
// orders the leader to hand over before it goes. The contract of removePeer.order has
// it do so, and the contract of move asks only that another member takes over before.
//
//lab:variant scheduler 3C
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (c *cluster) move(r *regionInfo, from *metapb.Peer, to uint64) []step {
	return []step{&addPeer{&metapb.Peer{StoreId: to}}, &removePeer{from}}
}
