//go:build mutant

// A peer that does not lead says so, but does not say who does. Clients have to
// ask one store after the other.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"

	"github.com/pingcap/errors"
)

func (p *peer) check(rc *kvrpcpb.Context, writes []*raftserverpb.Write) error {
	err := p.check_original(rc, writes)
	if e, ok := errors.Cause(err).(*region.Error); ok && e.Err.NotLeader != nil {
		return region.NotLeader(p.region().Id, nil)
	}
	return err
}
