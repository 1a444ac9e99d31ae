//go:build mutant

// Commit does not compare its timestamps: a transaction may commit before it has
// started, and so below what readers have seen.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func Commit(r *Reader, req *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, []engine.Op, error) {
	if err := checkKeys(req.GetKeys()); err != nil {
		return nil, nil, err
	}

	var w Writer
	for _, key := range req.Keys {
		refusal, err := r.commit(&w, key, req.StartVersion, req.CommitVersion)
		if err != nil {
			return nil, nil, err
		}
		if refusal != nil {
			return &kvrpcpb.CommitResponse{Error: refusal}, nil, nil
		}
	}
	return &kvrpcpb.CommitResponse{}, w.Ops(), nil
}
