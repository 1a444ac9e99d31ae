//go:build mutant

// A request that was meant for a peer on another store is served: a client
// whose addresses are wrong never learns that.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/kvrpcpb"

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	return p.check_original(&kvrpcpb.Context{RegionEpoch: rc.RegionEpoch, Term: rc.Term}, keys...)
}
