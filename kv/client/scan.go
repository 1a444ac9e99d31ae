package client

import (
	"bytes"
	"context"
	"iter"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A Part is one answer of a scan: all pairs that had their keys in a range at one
// moment, which lies between the call and the answer. Its region had all of the
// range.
type Part struct {
	// Keys is what the part is about. The next part begins where it ends. If it has
	// no end, there is no next part: the scan has come to the last key that there is.
	Keys engine.Range
	// Pairs are in ascending order of their keys. The caller may keep them.
	Pairs []*kvrpcpb.KvPair
}

// Scan returns pairs in ascending order, from the first key at or after start on:
// exactly limit of them, or all if there are fewer. more reports that the limit has
// ended the scan, so that pairs may follow.
//
// The scan goes from region to region. What it has from one answer of a region is of
// one moment, as in Get: not before Scan was called. The whole is not of one moment:
// of two writes to different regions it may show the second without the first. A key
// that is there all the time is returned once, also if regions split or move
// meanwhile.
//
// If one region cannot be read until ctx ends, the error is that of Get, and what
// the others had is dropped. ScanParts is for callers that want it, or want to see
// the moments apart, or do not want all pairs in memory.
func (c *Raw) Scan(ctx context.Context, cf engine.CF, start []byte, limit uint32) (pairs []*kvrpcpb.KvPair, more bool, err error) {
	more = true
	for part, err := range c.ScanParts(ctx, cf, start, limit) {
		if err != nil {
			return nil, false, err
		}
		pairs = append(pairs, part.Pairs...)
		more = len(part.Keys.End) > 0
	}
	return pairs, more, nil
}

// ScanParts is Scan in parts, in the order of their keys: at least one from each
// region, and more if a region's pairs do not fit into one answer. A part is asked
// for when the loop comes to it. The parts end with the limit, with the last key, or
// with an error, as that of Get, beside which there is no part.
//
// The first part is of a moment after the loop began, any other one is of a moment
// after the loop body has returned from the part before it.
func (c *Raw) ScanParts(ctx context.Context, cf engine.CF, start []byte, limit uint32) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		for start, limit := start, limit; limit > 0; {
			part, stuck, err := c.scanPart(ctx, cf, start, limit)
			if err != nil {
				yield(Part{}, err)
				return
			}
			if !yield(part, nil) {
				return
			}
			limit -= min(limit, uint32(len(part.Pairs)))
			if limit > 0 && stuck != nil {
				yield(Part{}, stuck)
				return
			}
			if start = part.Keys.End; len(start) == 0 {
				return
			}
		}
	}
}

// scanPart returns the part of a scan that begins at start. If no part can follow it
// though there should be one, stuck is why: a *RefusedError.
func (c *Raw) scanPart(ctx context.Context, cf engine.CF, start []byte, limit uint32) (part Part, stuck, err error) {
	var resp *kvrpcpb.RawScanResponse
	served, err := c.cluster.do(ctx, request{key: start, send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
		var err error
		resp, err = stub.RawScan(ctx, &kvrpcpb.RawScanRequest{Context: rc, Cf: cf, StartKey: start, Limit: limit})
		return resp, err
	}})
	if err != nil {
		return Part{}, nil, err
	}
	// A store serves a request only if its region is the one that the client means,
	// with the same version and so with the same keys.
	part = Part{Keys: engine.Range{Start: start, End: region.Range(served.region).End}, Pairs: resp.Kvs}
	n := len(resp.Kvs)
	if n > 0 && (resp.More || uint32(n) >= limit) {
		// What follows the last pair was not looked at. The next key there can be:
		part.Keys.End = append(bytes.Clone(resp.Kvs[n-1].Key), 0)
	}
	if end := part.Keys.End; n == 0 && resp.More || len(end) > 0 && bytes.Compare(end, start) <= 0 {
		stuck = &RefusedError{
			Addr: c.cluster.stores.describe(served.place).Addr, final: true,
			Err: errors.Errorf("the answer to a scan from %q does not get beyond that key", start),
		}
	}
	return part, stuck, nil
}
