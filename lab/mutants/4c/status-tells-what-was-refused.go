//go:build mutant

// A status check fills in its response before it writes. If the write is refused, the
// response has the region error, and says nevertheless that the transaction was rolled back.
//
//lab:mutant 4C kv/server
package server

import (
	"context"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Server) KvCheckTxnStatus(ctx context.Context, req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, error) {
	resp, err := write(ctx, s, req, [][]byte{req.GetPrimaryKey()}, transaction.CheckTxnStatus)
	if err != nil {
		region, err := txnOutcome(err)
		if resp == nil {
			resp = &kvrpcpb.CheckTxnStatusResponse{}
		}
		resp.RegionError = region
		return resp, err
	}
	return resp, nil
}
