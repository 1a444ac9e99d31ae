//go:build mutant

// A peer that is not the leader says so, but does not name the leader. Clients
// have to ask one store after the other.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	err := p.check_original(rc, keys...)
	if e, ok := errors.Cause(err).(*region.Error); ok && e.Err.NotLeader != nil {
		return region.NotLeader(p.region().Id, nil)
	}
	return err
}
