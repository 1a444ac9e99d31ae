//go:build mutant

// A scan at the timestamp 0 is answered, with nothing. A client that has forgotten to
// set its timestamp never learns of it.
//
//lab:mutant 4C kv/transaction
package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

func Scan(r *Reader, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	if req.GetVersion() == 0 {
		return &kvrpcpb.ScanResponse{}, nil
	}
	return Scan_original(r, req)
}
