//go:build mutant

// A request that was made for the leader of an earlier term is served by the
// leader of this term.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/kvrpcpb"

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	return p.check_original(&kvrpcpb.Context{RegionEpoch: rc.RegionEpoch, Peer: rc.Peer}, keys...)
}
