package client

import (
	"context"
	"sort"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

const (
	// portionSize is how much a store writes for one request, in bytes, unless it is for
	// one key; portionLen is for how many keys at most. With a key and value of the
	// greatest size a request stays below engine.MaxBatchSize. It is less than that so
	// that no other request waits long behind one.
	portionSize = 4 << 20
	portionLen  = 8 << 10
)

// A write is what a transaction does to a key.
type write struct {
	*kvrpcpb.Mutation
	locked bool // the transaction may have the lock of the key
}

func mark(writes []*write) {
	for _, w := range writes {
		w.locked = true
	}
}

// prewriteSize is at least what a prewrite makes a store write for w, in bytes: a lock,
// which names the primary key, and a version.
func (c *committer) prewriteSize(w *write) int {
	return 2*encodedSize(w.Key) + len(w.Value) + len(c.primary()) + recordSize
}

// finishSize is at least what a commit or a rollback makes a store write for w: the lock
// and the version go, and a record comes.
func (w *write) finishSize() int { return 3*encodedSize(w.Key) + recordSize }

// recordSize is more than locks and records have beside keys.
const recordSize = 128

func encodedSize(key []byte) int { return len(key) + len(key)/8 + 32 }

func keysOf(writes []*write) [][]byte {
	keys := make([][]byte, len(writes))
	for i, w := range writes {
		keys[i] = w.Key
	}
	return keys
}

func mutationsOf(writes []*write) []*kvrpcpb.Mutation {
	mutations := make([]*kvrpcpb.Mutation, len(writes))
	for i, w := range writes {
		mutations[i] = w.Mutation
	}
	return mutations
}

// A portion is the first of some writes, as many as one request can have: they have their
// keys in one region, as it is known at the moment of sending. If the region is split
// before the request arrives, it is refused, and the next attempt is for fewer writes.
type portion struct {
	of   []*write // in the order of their keys
	size func(w *write) int
	n    int // writes in the request as it was sent last
	most int // the greatest n
}

// request returns a request that sends the portion. send is for the first n writes.
func (p *portion) request(send func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error)) request {
	return request{
		key: transaction.EncodeKey(p.of[0].Key), write: true, repeatable: true,
		fit: p.fit, send: send,
	}
}

func (p *portion) fit(keys engine.Range) {
	in := p.of[:min(within(p.of, keys), portionLen)]
	size := p.size(in[0])
	for p.n = 1; p.n < len(in); p.n++ {
		if size += p.size(in[p.n]); size > portionSize {
			break
		}
	}
	p.most = max(p.most, p.n)
}

// within returns how many of writes, which begin in a region, have their keys there.
func within(writes []*write, keys engine.Range) int {
	if len(keys.End) == 0 {
		return len(writes)
	}
	return max(1, sort.Search(len(writes), func(i int) bool {
		return string(transaction.EncodeKey(writes[i].Key)) >= string(keys.End)
	}))
}

// everywhere calls send until it has dealt with all writes: for each region in the order
// of its keys, and for several regions at a time. send deals with the first of the writes
// that it is given and returns how many, which is not 0 without an error.
func (t *Transactional) everywhere(ctx context.Context, writes []*write, send func(ctx context.Context, writes []*write) (n int, err error)) error {
	parts := t.byRegion(writes)
	return t.each(ctx, len(parts), func(ctx context.Context, i int) error {
		for left := parts[i]; len(left) > 0; {
			n, err := send(ctx, left)
			if err != nil {
				return err
			}
			left = left[n:]
		}
		return nil
	})
}

// byRegion returns writes in groups that lie in one region, as far as the client knows
// now. Neighbours of which it does not know the region are a group, too: to send the
// first portion of them is to find out.
func (t *Transactional) byRegion(writes []*write) [][]*write {
	var parts [][]*write
	for len(writes) > 0 {
		n := 0
		if r, _, _ := t.cluster.regions.find(transaction.EncodeKey(writes[0].Key)); r != nil {
			n = within(writes, region.Range(r))
		} else {
			for n = 1; n < len(writes); n++ {
				if r, _, _ := t.cluster.regions.find(transaction.EncodeKey(writes[n].Key)); r != nil {
					break
				}
			}
		}
		parts = append(parts, writes[:n])
		writes = writes[n:]
	}
	return parts
}
