//go:build mutant

// Get does not check its request: without a key, or at timestamp 0, it finds nothing
// and says so.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func Get(r *Reader, req *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {

	lock, err := r.Lock(req.Key)
	if err != nil {
		return nil, err
	}
	if lock != nil && lock.Blocks(req.Version) {
		return &kvrpcpb.GetResponse{Error: &kvrpcpb.KeyError{Locked: lock.Info(req.Key)}}, nil
	}
	value, found, err := r.Value(req.Key, req.Version)
	if err != nil {
		return nil, err
	}
	return &kvrpcpb.GetResponse{Value: value, NotFound: !found}, nil
}
