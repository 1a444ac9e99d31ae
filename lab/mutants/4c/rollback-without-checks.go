//go:build mutant

// A rollback takes its keys as they are: without keys it succeeds, and an empty key is
// stored.
//
//lab:mutant 4C kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func BatchRollback(r *Reader, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, []engine.Op, error) {
	var w Writer
	for _, key := range req.Keys {
		refusal, err := r.rollBack(&w, key, req.StartVersion)
		if err != nil {
			return nil, nil, err
		}
		if refusal != nil {
			return &kvrpcpb.BatchRollbackResponse{Error: refusal}, nil, nil
		}
	}
	return &kvrpcpb.BatchRollbackResponse{}, w.Ops(), nil
}
