//go:build mutant

// A request for another version of the region is served: the client asks for keys
// that may not be here any more, and reads that they are absent.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) check(rc *kvrpcpb.Context, writes []*raftserverpb.Write) error {
	return p.check_original(&kvrpcpb.Context{Term: rc.Term, Peer: rc.Peer}, writes)
}
