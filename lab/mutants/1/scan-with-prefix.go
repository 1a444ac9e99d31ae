//go:build mutant

// RawScan stops at the first key that does not begin with the start key: it
// confuses where to begin with what to look for.
//
//lab:mutant 1 kv/server
package server

import (
	"bytes"
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) rawScan(ctx context.Context, req *kvrpcpb.RawScanRequest) (pairs []*kvrpcpb.KvPair, more bool, err error) {
	r, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	it, err := r.Iterate(family(req.GetCf()), engine.Range{Start: req.GetStartKey()})
	if err != nil {
		return nil, false, err
	}
	defer it.Close()
	size := 0
	for it.Seek(nil); it.Valid() && uint32(len(pairs)) < req.GetLimit() && bytes.HasPrefix(it.Key(), req.GetStartKey()); it.Next() {
		size += pairSize(it.Key(), it.Value())
		if size > MaxScanSize && len(pairs) > 0 {
			more = true
			break
		}
		pairs = append(pairs, &kvrpcpb.KvPair{
			Key:   bytes.Clone(it.Key()),
			Value: bytes.Clone(it.Value()),
		})
	}
	return pairs, more, it.Close()
}
