//go:build mutant

// Get adds the old value to the error about a lock, and says "not found" if there is
// none.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func Get(r *Reader, req *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {
	resp, err := Get_original(r, req)
	if err != nil || resp.Error == nil {
		return resp, err
	}
	value, found, err := r.Value(req.Key, req.Version)
	if err != nil {
		return nil, err
	}
	resp.Value, resp.NotFound = value, !found
	return resp, nil
}
