//go:build mutant

// RawScan begins after its start key, as if it were the last one that the
// client has seen already.
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
	it, err := r.Iterate(family(req.GetCf()), engine.Range{Start: append(bytes.Clone(req.GetStartKey()), 0)})
	if err != nil {
		return nil, false, err
	}
	defer it.Close()
	size := 0
	for it.Seek(nil); it.Valid() && uint32(len(pairs)) < req.GetLimit(); it.Next() {
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
