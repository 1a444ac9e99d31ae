//go:build mutant

// Visible looks for the newest Put. What was deleted comes back.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) Visible(key []byte, ts uint64) (*Record, error) {
	for record, err := range r.Records(key, ts) {
		if err != nil || record.Kind == kvrpcpb.Op_Put {
			return record, err
		}
	}
	return nil, nil
}
