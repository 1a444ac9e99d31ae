//go:build mutant

// A scan returns a thousand pairs at most, whatever its limit is, and does not say that
// there are more. The client takes the region for read, and goes on with the next one.
//
//lab:mutant 4C kv/transaction
package transaction

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func Scan(r *Reader, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	capped := proto.CloneOf(req)
	if capped != nil {
		capped.Limit = min(capped.Limit, 1000)
	}
	return Scan_original(r, capped)
}
