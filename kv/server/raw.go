package server

import (
	"bytes"
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// MaxScanSize bounds the pairs of one RawScanResponse, in bytes as pairSize
// counts them. A response of this size stays below 4 MiB, which is what a gRPC
// client accepts unless it is told otherwise.
const MaxScanSize = 3 << 20

// pairSize is the room that a pair takes in a response: its key, its value, and
// at most 16 bytes to say how long they are.
func pairSize(key, value []byte) int { return len(key) + len(value) + 16 }

// family is the column family that a raw request means by cf.
func family(cf string) engine.CF {
	if cf == "" {
		return engine.CFDefault
	}
	return cf
}

// RawGet answers with the value of a key, or with NotFound if there is none.
//
//lab:implement 1
func (s *Server) RawGet(ctx context.Context, req *kvrpcpb.RawGetRequest) (*kvrpcpb.RawGetResponse, error) {
	value, found, err := s.rawGet(ctx, req)
	if err != nil {
		region, message, err := outcome(err)
		return &kvrpcpb.RawGetResponse{RegionError: region, Error: message}, err
	}
	return &kvrpcpb.RawGetResponse{Value: value, NotFound: !found}, nil
}

//lab:private
func (s *Server) rawGet(ctx context.Context, req *kvrpcpb.RawGetRequest) (value []byte, found bool, err error) {
	r, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	return r.Get(family(req.GetCf()), req.GetKey())
}

// RawPut sets a key to a value. It answers once the storage has accepted the
// write.
//
//lab:implement 1
func (s *Server) RawPut(ctx context.Context, req *kvrpcpb.RawPutRequest) (*kvrpcpb.RawPutResponse, error) {
	err := s.storage.Write(ctx, req.GetContext(), []engine.Op{
		{CF: family(req.GetCf()), Key: req.GetKey(), Value: req.GetValue()},
	})
	region, message, err := outcome(err)
	return &kvrpcpb.RawPutResponse{RegionError: region, Error: message}, err
}

// RawDelete removes a key. It succeeds whether or not the key was there.
//
//lab:implement 1
func (s *Server) RawDelete(ctx context.Context, req *kvrpcpb.RawDeleteRequest) (*kvrpcpb.RawDeleteResponse, error) {
	err := s.storage.Write(ctx, req.GetContext(), []engine.Op{
		{CF: family(req.GetCf()), Key: req.GetKey(), Delete: true},
	})
	region, message, err := outcome(err)
	return &kvrpcpb.RawDeleteResponse{RegionError: region, Error: message}, err
}

// RawScan answers with the pairs from the first key at or after StartKey on, in
// ascending order: at most Limit of them, and no more than fit into
// MaxScanSize, but at least one if there is one and Limit is not 0. If it was
// the size that ended the scan, it sets More. All pairs are of the same
// moment.
//
//lab:implement 1
func (s *Server) RawScan(ctx context.Context, req *kvrpcpb.RawScanRequest) (*kvrpcpb.RawScanResponse, error) {
	pairs, more, err := s.rawScan(ctx, req)
	if err != nil {
		region, message, err := outcome(err)
		return &kvrpcpb.RawScanResponse{RegionError: region, Error: message}, err
	}
	return &kvrpcpb.RawScanResponse{Kvs: pairs, More: more}, nil
}

//lab:private
func (s *Server) rawScan(ctx context.Context, req *kvrpcpb.RawScanRequest) (pairs []*kvrpcpb.KvPair, more bool, err error) {
	r, err := s.storage.Reader(ctx, req.GetContext())
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	it, err := r.Iterate(family(req.GetCf()), engine.Range{Start: req.GetStartKey()})
	if err != nil {
		return nil, false, err
	}
	defer it.Close()

	size := 0
	for it.Seek(nil); it.Valid() && uint32(len(pairs)) < req.GetLimit(); it.Next() {
		size += pairSize(it.Key(), it.Value())
		if size > MaxScanSize && len(pairs) > 0 {
			more = true
			break
		}
		pairs = append(pairs, &kvrpcpb.KvPair{
			Key:   bytes.Clone(it.Key()),
			Value: bytes.Clone(it.Value()),
		})
	}
	// An iterator that met an error just stops being valid. Only Close tells a
	// scan that failed from one that came to the end.
	return pairs, more, it.Close()
}
