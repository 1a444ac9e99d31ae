//go:build mutant

// The write has the term of the request, if the request names one, and else that
// of the reader. A request may name a later term than the one that is. Then the
// write is accepted in every term up to that one, also when others have led
// meanwhile.
//
//lab:mutant 4B kv/server
package server

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func inTerm(rc *kvrpcpb.Context, term uint64) *kvrpcpb.Context {
	if rc == nil || term == 0 || rc.Term != 0 {
		return rc
	}
	return &kvrpcpb.Context{RegionId: rc.RegionId, RegionEpoch: rc.RegionEpoch, Peer: rc.Peer, Term: term}
}
