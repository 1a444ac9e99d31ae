//go:build mutant

// A prewrite does not check its request. One without a primary key, or with one key
// twice, leaves locks that are never resolved.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func Prewrite(r *Reader, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, []engine.Op, error) {

	var (
		w    Writer
		resp kvrpcpb.PrewriteResponse
	)
	for _, m := range req.Mutations {
		obstacle, held, err := r.obstacle(req, m.Key)
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
