//go:build mutant

// Commit checks the timestamps of its request and not the keys. One without keys
// succeeds.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func Commit(r *Reader, req *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, []engine.Op, error) {
	if err := checkCommit(req.StartVersion, req.CommitVersion); err != nil {
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
