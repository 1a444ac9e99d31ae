//go:build mutant

// The first key that was rolled back before ends the request: it seems to have been
// sent twice. But the first one may have had fewer keys.
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
		before := len(w.Ops())
		refusal, err := r.rollBack(&w, key, req.StartVersion)
		if err != nil {
			return nil, nil, err
		}
		if refusal != nil {
			return &kvrpcpb.BatchRollbackResponse{Error: refusal}, nil, nil
		}
		if len(w.Ops()) == before {
			break
		}
	}
	return &kvrpcpb.BatchRollbackResponse{}, w.Ops(), nil
}
