//go:build mutant

// More is also set on a response that the limit has ended.
//
//lab:mutant 4C kv/transaction
package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

func Scan(r *Reader, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	resp, err := Scan_original(r, req)
	if err == nil && uint32(len(resp.Pairs)) == req.Limit {
		resp.More = true
	}
	return resp, err
}
