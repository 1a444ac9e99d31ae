//go:build mutant

// All keys of the region are read, and those beyond the limit thrown away.
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
	for s.Next() {
		pair := &kvrpcpb.KvPair{Key: s.Key(), Value: s.Value()}
		if lock := s.Lock(); lock != nil {
			pair.Error = &kvrpcpb.KeyError{Locked: lock.Info(s.Key())}
		}
		if uint32(len(resp.Pairs)) < req.Limit {
			resp.Pairs = append(resp.Pairs, pair)
		}
	}
	for size, i := 0, 0; i < len(resp.Pairs); i++ {
		if size += pairSize(resp.Pairs[i]); size > MaxScanSize && i > 0 {
			resp.Pairs, resp.More = resp.Pairs[:i], true
		}
	}
	return resp, s.Close()
}
