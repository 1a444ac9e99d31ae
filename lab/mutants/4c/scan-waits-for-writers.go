//go:build mutant

// KvScan latches its start key, as if it was to write. It waits for every write that is
// on its way there.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvScan(ctx context.Context, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	release, err := s.latches.Acquire(ctx, [][]byte{req.GetStartKey()})
	if err != nil {
		_, err = txnOutcome(err)
		return nil, err
	}
	defer release()
	return s.KvScan_original(ctx, req)
}
