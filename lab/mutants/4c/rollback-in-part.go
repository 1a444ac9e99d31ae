//go:build mutant

// If one of the keys is committed, those before it are rolled back all the same.
//
//lab:mutant 4C kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func BatchRollback(r *Reader, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, []engine.Op, error) {
	if err := checkKeys(req.GetKeys()); err != nil {
		return nil, nil, err
	}
	if err := checkStart(req.StartVersion); err != nil {
		return nil, nil, err
	}
	var w Writer
	for _, key := range req.Keys {
		refusal, err := r.rollBack(&w, key, req.StartVersion)
		if err != nil {
			return nil, nil, err
		}
		if refusal != nil {
			return &kvrpcpb.BatchRollbackResponse{Error: refusal}, w.Ops(), nil
		}
	}
	return &kvrpcpb.BatchRollbackResponse{}, w.Ops(), nil
}
