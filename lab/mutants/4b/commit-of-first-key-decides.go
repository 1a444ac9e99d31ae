//go:build mutant

// Commit looks at the first key alone, which may be the primary one, and takes the
// others to be as far.
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
	if err := checkCommit(req.StartVersion, req.CommitVersion); err != nil {
		return nil, nil, err
	}
	var w Writer
	for i, key := range req.Keys {
		refusal, err := r.commit(&w, key, req.StartVersion, req.CommitVersion)
		if err != nil {
			return nil, nil, err
		}
		if refusal != nil && i == 0 {
			return &kvrpcpb.CommitResponse{Error: refusal}, nil, nil
		}
	}
	return &kvrpcpb.CommitResponse{}, w.Ops(), nil
}
