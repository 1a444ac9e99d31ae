//go:build mutant

// The start key is not part of the scan, as if it was the last key of the page before.
//
//lab:mutant 4C kv/transaction
package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

func Scan(r *Reader, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	resp, err := Scan_original(r, req)
	if err == nil && len(resp.Pairs) > 0 && string(resp.Pairs[0].Key) == string(req.StartKey) {
		resp.Pairs = resp.Pairs[1:]
	}
	return resp, err
}
