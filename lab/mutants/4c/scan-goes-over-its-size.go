//go:build mutant

// The pair that makes a response too large is still part of it.
//
//lab:mutant 4C kv/transaction
package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

func Scan(r *Reader, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	if req.GetVersion() == 0 {
		return nil, malformed("version is 0: it is the timestamp to read at")
	}
	if len(req.StartKey) > MaxKeySize {
		return nil, checkKey(req.StartKey)
	}
	s, err := NewScanner(r, req.StartKey, req.Version)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	resp := &kvrpcpb.ScanResponse{}
	size := 0
	for uint32(len(resp.Pairs)) < req.Limit && s.Next() {
		pair := &kvrpcpb.KvPair{Key: s.Key(), Value: s.Value()}
		if lock := s.Lock(); lock != nil {
			pair.Error = &kvrpcpb.KeyError{Locked: lock.Info(s.Key())}
		}
		resp.Pairs = append(resp.Pairs, pair)
		if size += pairSize(pair); size > MaxScanSize {
			resp.More = true
			break
		}
	}
	return resp, s.Close()
}
