//go:build mutant

// A mutation of kind Lock writes nothing, so it is not checked for conflicts. The
// transaction has locked the key because it depends on what it has read there.
// Another one has committed the key since, and both commit.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func Prewrite(r *Reader, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, []engine.Op, error) {
	if err := checkPrewrite(req); err != nil {
		return nil, nil, err
	}
	var (
		w    Writer
		resp kvrpcpb.PrewriteResponse
	)
	for _, m := range req.Mutations {
		obstacle, held, err := r.obstacle(req, m.Key)
		if m.Op == kvrpcpb.Op_Lock && obstacle.GetConflict() != nil {
			obstacle = nil
		}
		switch {
		case err != nil:
			return nil, nil, err
		case obstacle != nil:
			resp.Errors = append(resp.Errors, obstacle)
		case !held:
			w.PutLock(m.Key, &Lock{Primary: req.PrimaryLock, StartTS: req.StartVersion, TTL: req.LockTtl, Kind: m.Op})
			if m.Op == kvrpcpb.Op_Put {
				w.PutValue(m.Key, req.StartVersion, m.Value)
			}
		}
	}
	if len(resp.Errors) > 0 {
		return &resp, nil, nil
	}
	return &resp, w.Ops(), nil
}
