//go:build mutant

// A record whose value is missing means to Value that the key is not there.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) Value(key []byte, ts uint64) (value []byte, found bool, err error) {
	record, err := r.Visible(key, ts)
	if err != nil || record == nil || record.Kind == kvrpcpb.Op_Del {
		return nil, false, err
	}
	return r.view.Get(engine.CFDefault, VersionKey(key, record.StartTS))
}
