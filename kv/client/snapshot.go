package client

import (
	"bytes"
	"context"
	"iter"
	"math"
	"sync"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A Snapshot reads keys as they were at a timestamp. Its methods may be called from
// several goroutines at once.
//
// A key that is locked by a transaction that may commit before the timestamp cannot be
// read until that one is over. So reads wait for transactions that are alive, and finish
// those whose clients have gone, which takes as long as their locks live: some seconds.
type Snapshot struct {
	t  *Transactional
	ts uint64
}

// A Pair is a key and its value. They belong to the caller.
type Pair struct {
	Key, Value []byte
}

// At returns the snapshot of a timestamp: what was committed at or before it. ts is a
// StartTS or CommitTS of a transaction. With a timestamp that the scheduler has not
// handed out yet, what is read may change later. A snapshot of the past can be read for as
// long as old versions are kept; see Collect.
func (t *Transactional) At(ts uint64) *Snapshot { return &Snapshot{t, ts} }

// Get returns the newest value of key, as a transaction would that reads nothing else: it
// needs no timestamp, so it asks one store and not the scheduler. What was committed
// before the call it sees. The errors are the errors of Snapshot.Get.
func (t *Transactional) Get(ctx context.Context, key []byte) (value []byte, found bool, err error) {
	return t.At(math.MaxUint64).Get(ctx, key)
}

// Get returns the value of key. An absent key is not an error: found is false.
//
// The error is a *LockedError if the key was locked until ctx ended, a *TooOldError if the
// snapshot is older than the safe point, a *RefusedError if no store served the request,
// engine.ErrEmptyKey, or an *engine.TooLargeError.
func (s *Snapshot) Get(ctx context.Context, key []byte) (value []byte, found bool, err error) {
	if err := checkKey(key); err != nil {
		return nil, false, err
	}
	var resp *kvrpcpb.GetResponse
	err = s.t.unlocked(ctx, &pace{pause: minPause}, func() ([]*kvrpcpb.LockInfo, error) {
		at, err := s.t.cluster.do(ctx, request{
			key: transaction.EncodeKey(key),
			send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
				var err error
				resp, err = stub.KvGet(ctx, &kvrpcpb.GetRequest{Context: rc, Key: key, Version: s.ts})
				return resp, err
			},
		})
		if err != nil || resp.Error == nil {
			return nil, err
		}
		if resp.Error.Locked == nil {
			return nil, s.t.cluster.misread(at, resp.Error)
		}
		return []*kvrpcpb.LockInfo{resp.Error.Locked}, nil
	}, nil)
	if err != nil {
		return nil, false, err
	}
	return resp.Value, !resp.NotFound, nil
}

// misread is the error of a read that a store answers with an error that is not a lock.
func (c *cluster) misread(at service, e *kvrpcpb.KeyError) error {
	if old := tooOld(e); old != nil {
		return old
	}
	return &RefusedError{Addr: c.stores.describe(at.place).Addr, Err: errors.New(reason(e)), final: true}
}

// BatchGet returns the values of those keys that are there, by key. The error can be
// any error of Get.
func (s *Snapshot) BatchGet(ctx context.Context, keys [][]byte) (map[string][]byte, error) {
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return nil, err
		}
	}
	var mu sync.Mutex
	values := map[string][]byte{}
	err := s.t.each(ctx, len(keys), func(ctx context.Context, i int) error {
		value, found, err := s.Get(ctx, keys[i])
		if err == nil && found {
			mu.Lock()
			values[string(keys[i])] = value
			mu.Unlock()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

const (
	// A scan asks for a few pairs first, as its caller may need no more, and for more
	// and more later.
	minPage = 64
	maxPage = 1024
)

// Scan returns the pairs of the keys from start on that are below end, in ascending
// order; an empty end means all. It goes from region to region, and asks for pairs as
// the loop comes to them. An error, as Get has it, is the last element; its pair is empty.
func (s *Snapshot) Scan(ctx context.Context, start, end []byte) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		keys := engine.Range{Start: start, End: end}
		for limit := uint32(minPage); keys.Overlaps(keys); limit = min(2*limit, maxPage) {
			pairs, next, err := s.page(ctx, keys, limit)
			if err != nil {
				yield(Pair{}, err)
				return
			}
			for _, pair := range pairs {
				if !keys.Contains(pair.Key) {
					return
				}
				if !yield(Pair{pair.Key, pair.Value}, nil) {
					return
				}
			}
			if keys.Start = next; len(next) == 0 {
				return
			}
		}
	}
}

// page returns the first pairs of a range, and where the next page begins: nowhere if
// next is empty. Of a page with locked keys it returns the pairs before the first of
// them; only if that is the first pair of all the locks are in the way.
func (s *Snapshot) page(ctx context.Context, keys engine.Range, limit uint32) (pairs []*kvrpcpb.KvPair, next []byte, err error) {
	err = s.t.unlocked(ctx, &pace{pause: minPause}, func() ([]*kvrpcpb.LockInfo, error) {
		var resp *kvrpcpb.ScanResponse
		at, err := s.t.cluster.do(ctx, request{
			key: transaction.EncodeKey(keys.Start),
			send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
				var err error
				resp, err = stub.KvScan(ctx, &kvrpcpb.ScanRequest{Context: rc, StartKey: keys.Start, Limit: limit, Version: s.ts})
				return resp, err
			},
		})
		if err != nil {
			return nil, err
		}
		var locks []*kvrpcpb.LockInfo
		pairs = resp.Pairs
		for i, pair := range resp.Pairs {
			switch {
			case pair.Error == nil || !keys.Contains(pair.Key):
				continue
			case pair.Error.Locked == nil:
				return nil, s.t.cluster.misread(at, pair.Error)
			}
			if locks = append(locks, pair.Error.Locked); len(locks) == 1 {
				pairs = pairs[:i]
			}
		}
		switch {
		case len(locks) > 0 && len(pairs) == 0:
			return locks, nil
		case len(locks) > 0:
			next = locks[0].Key
		case resp.More || uint32(len(pairs)) >= limit:
			// What follows the last pair was not looked at.
			next, err = s.beyond(at, keys.Start, pairs)
		default:
			next, err = s.t.cluster.endOf(at)
		}
		return nil, err
	}, nil)
	return pairs, next, err
}

// beyond returns the first key that can follow the last of pairs, which is empty if none
// can. It is an error if that does not get beyond start.
func (s *Snapshot) beyond(at service, start []byte, pairs []*kvrpcpb.KvPair) ([]byte, error) {
	if n := len(pairs); n > 0 && bytes.Compare(pairs[n-1].Key, start) >= 0 {
		return allowed(after(pairs[n-1].Key)), nil
	}
	return nil, &RefusedError{
		Addr: s.t.cluster.stores.describe(at.place).Addr, final: true,
		Err: errors.Errorf("the answer to a scan from %q does not get beyond that key", start),
	}
}

// allowed returns the first key at or after key that is not too large, nothing if there is
// none.
func allowed(key []byte) []byte {
	if len(key) <= transaction.MaxKeySize {
		return key
	}
	key = bytes.TrimRight(key[:transaction.MaxKeySize], "\xff")
	n := len(key)
	if n == 0 {
		return nil
	}
	return append(bytes.Clone(key[:n-1]), key[n-1]+1)
}

// endOf returns the first key of transactions after a region that has served a request.
// It is empty for the last region. A region may end at a key of the engine that is not an
// encoded key, as an operator may have split it anywhere.
func (c *cluster) endOf(at service) ([]byte, error) {
	end := region.Range(at.region).End
	switch {
	case len(end) == 0:
		return nil, nil
	case len(transaction.SplitKey(end)) < len(end):
		// No store splits a region there.
		return nil, &RefusedError{
			Addr: c.stores.describe(at.place).Addr, final: true,
			Err: errors.Errorf("region %d ends between the versions of a key, at %q: transactions cannot read it", at.region.Id, end),
		}
	}
	return allowed(transaction.FirstKey(end)), nil
}
