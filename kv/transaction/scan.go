package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

// MaxScanSize bounds the pairs of one ScanResponse, in bytes as pairSize counts them. A
// response of this size stays below 4 MiB, which is what a gRPC client accepts unless
// it is told otherwise.
const MaxScanSize = 3 << 20

// pairSize is the room that a pair takes in a response: its bytes, and at most some more
// to say how long they are.
func pairSize(pair *kvrpcpb.KvPair) int {
	lock := pair.Error.GetLocked()
	return len(pair.Key) + len(pair.Value) + len(lock.GetKey()) + len(lock.GetPrimaryLock()) + 64
}

// Scan returns the pairs that a reader at the timestamp req.Version sees, in ascending
// order, from the first key at or after req.StartKey on: at most req.Limit of them, and no
// more than fit into MaxScanSize, but at least one if there is one and the limit is not
// 0. If it was the size that ended the scan, the response says that there are more.
//
// A key that is locked (Lock.Blocks) is a pair with the error Locked and without a value,
// and counts for the limit. A key that the reader does not see, because it is deleted or
// was not there yet, is no pair and does not count.
//
// A start key that is larger than MaxKeySize makes no sense, as in any other request; an
// empty one is the beginning of the region (checkScan).
//
// A scan that has its pairs reads no further, and the pairs belong to the caller.
//
//lab:implement 4C
func Scan(r *Reader, req *kvrpcpb.ScanRequest) (*kvrpcpb.ScanResponse, error) {
	if err := checkScan(req.GetStartKey(), req.GetVersion()); err != nil {
		return nil, err
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
		if size += pairSize(pair); size > MaxScanSize && len(resp.Pairs) > 0 {
			resp.More = true
			break
		}
		resp.Pairs = append(resp.Pairs, pair)
	}
	return resp, s.Close()
}
