//go:build mutant

// Get reads past locks. The transaction may have its commit timestamp already, below
// the reader's, and the reader sees only a part of it.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func Get(r *Reader, req *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {
	if err := checkRead(req.GetKey(), req.GetVersion()); err != nil {
		return nil, err
	}

	value, found, err := r.Value(req.Key, req.Version)
	if err != nil {
		return nil, err
	}
	return &kvrpcpb.GetResponse{Value: value, NotFound: !found}, nil
}
