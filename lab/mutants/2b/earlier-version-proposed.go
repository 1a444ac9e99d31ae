//go:build mutant

// A request for an earlier version of the region is taken: the check before
// the entry is applied will find it. Until then the client waits, and the log
// has an entry for nothing.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/kvrpcpb"

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	epoch := rc.RegionEpoch
	if epoch != nil && epoch.Version < p.region().RegionEpoch.Version {
		epoch = p.region().RegionEpoch
	}
	return p.check_original(&kvrpcpb.Context{RegionEpoch: epoch, Term: rc.Term, Peer: rc.Peer}, keys...)
}
