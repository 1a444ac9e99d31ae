//go:build mutant

// A peer that does not lead says so, but does not say who does. Clients have to
// ask one store after the other.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"

	"github.com/pingcap/errors"
)

func (p *peer) check(rc *kvrpcpb.Context, writes []*raftserverpb.Write) error {
	err := p.check_original(rc, writes)
	if e, ok := errors.Cause(err).(*storage.RegionError); ok && e.Err.NotLeader != nil {
		return errNotLeader(p.region().Id, nil)
	}
	return err
}
