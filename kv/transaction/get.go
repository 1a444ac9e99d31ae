package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

// Get returns the value that key had at the timestamp req.Version (paper §2.2, Get).
//
// A lock that the reader cannot see past (Lock.Blocks) is an answer: the error says
// whose it is, and the client finds out what became of the transaction. The reader must
// not ignore it: the transaction may have its commit timestamp already, below
// req.Version, and be about to use it.
//
//lab:implement 4B
func Get(r *Reader, req *kvrpcpb.GetRequest) (*kvrpcpb.GetResponse, error) {
	if err := checkRead(req.GetKey(), req.GetVersion()); err != nil {
		return nil, err
	}
	lock, err := r.Lock(req.Key)
	if err != nil {
		return nil, err
	}
	if lock != nil && lock.Blocks(req.Version) {
		return &kvrpcpb.GetResponse{Error: &kvrpcpb.KeyError{Locked: lock.Info(req.Key)}}, nil
	}
	value, found, err := r.Value(req.Key, req.Version)
	if err != nil {
		return nil, err
	}
	return &kvrpcpb.GetResponse{Value: value, NotFound: !found}, nil
}
