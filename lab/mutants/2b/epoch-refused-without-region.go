//go:build mutant

// A request with a wrong epoch is refused, and the refusal does not have the
// region as it is now. A client that knows no epoch never learns one.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	err := p.check_original(rc, keys...)
	if e, ok := err.(*region.Error); ok && e.Err.EpochNotMatch != nil {
		return &region.Error{Err: &errorpb.Error{Message: e.Err.Message, EpochNotMatch: &errorpb.EpochNotMatch{}}}
	}
	return err
}
