//go:build mutant

// A request for a later version of the region than this peer knows is taken: a
// write is proposed, although nothing but a refusal can become of it.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/kvrpcpb"

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	epoch := rc.RegionEpoch
	if epoch.GetVersion() > p.region().RegionEpoch.Version {
		epoch = p.region().RegionEpoch
	}
	return p.check_original(&kvrpcpb.Context{RegionEpoch: epoch, Term: rc.Term, Peer: rc.Peer}, keys...)
}
