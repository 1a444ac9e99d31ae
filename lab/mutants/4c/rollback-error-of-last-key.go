//go:build mutant

// The error of a committed key is overwritten by the next key.
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
	resp := &kvrpcpb.BatchRollbackResponse{}
	for _, key := range req.Keys {
		refusal, err := r.rollBack(&w, key, req.StartVersion)
		if err != nil {
			return nil, nil, err
		}
		resp.Error = refusal
	}
	if resp.Error != nil {
		return resp, nil, nil
	}
	return resp, w.Ops(), nil
}
