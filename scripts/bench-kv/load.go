package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"
)

// An operation is one of the things that clients do.
type operation struct {
	name string
	keys int // how many different keys it is about
	do   func(ctx context.Context, c connection, keys [][]byte, value []byte) error
}

// operations are all that can be measured. A transaction that writes has read its keys
// before, and writes them only if they are what it has read.
var operations = []operation{
	{"put", 1, func(ctx context.Context, c connection, keys [][]byte, value []byte) error {
		return c.put(ctx, keys[0], value)
	}},
	{"get", 1, func(ctx context.Context, c connection, keys [][]byte, _ []byte) error {
		size, err := c.get(ctx, keys[0])
		if err == nil && size != 0 && size != valueSize {
			err = errors.Errorf("key %s has a value of %d bytes", keys[0], size)
		}
		return err
	}},
	{"read-1", 1, func(ctx context.Context, c connection, keys [][]byte, _ []byte) error { return c.read(ctx, keys) }},
	{"write-1", 1, update},
	{"write-5", 5, update},
}

func update(ctx context.Context, c connection, keys [][]byte, value []byte) error {
	return c.update(ctx, keys, value)
}

func (op operation) String() string { return op.name }

const (
	valueSize = 128
	// keys is the number of different keys, of 16 bytes each.
	keys = 100_000
	// warmUp is how long clients run before they are measured.
	warmUp = 500 * time.Millisecond
	// clientsPerConnection is how many clients share a connection, at most.
	clientsPerConnection = 32
)

func key(n int) []byte { return fmt.Appendf(bound(n), "-account") }

// bound is where a region begins whose first key is key n, in the order of raw keys and in
// the order of the keys of transactions: these keep the first eight bytes of a key together.
func bound(n int) []byte { return fmt.Appendf(nil, "%08d", n) }

// A result is what clients have measured: how long each request took that was
// answered within the period, in ascending order.
type result struct {
	period    time.Duration
	latencies []time.Duration
	// processor is how much processor time all members took for one request; 0
	// if that is not known.
	processor time.Duration
}

func (r *result) perSecond() float64 { return float64(len(r.latencies)) / r.period.Seconds() }

func (r *result) quantile(q float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	i := min(int(q*float64(len(r.latencies))), len(r.latencies)-1)
	return r.latencies[i].Round(10 * time.Microsecond)
}

// load makes n clients do op for a while, with pauses in between. Any error ends it: a
// measurement of a cluster that does not work means nothing.
func load(ctx context.Context, s system, op operation, n int, o *options) (*result, error) {
	var connections []connection
	for range (n + clientsPerConnection - 1) / clientsPerConnection {
		c, err := s.connect()
		if err != nil {
			return nil, err
		}
		defer c.close()
		connections = append(connections, c)
	}
	var (
		latencies = make([][]time.Duration, n)
		requests  atomic.Int64 // the ones that are not measured, too
		used      = processorTime(s.processes())
	)
	begin := time.Now().Add(warmUp)
	end := begin.Add(o.period)
	group, ctx := errgroup.WithContext(ctx)
	for i := range n {
		group.Go(func() error {
			c := connections[i%len(connections)]
			rng := rand.New(rand.NewPCG(uint64(i), 0))
			value := make([]byte, valueSize)
			chosen := make([][]byte, op.keys)
			for {
				for j := range chosen { // all different
					chosen[j] = key(rng.IntN(keys/op.keys)*op.keys + j)
				}
				for j := range value {
					value[j] = 'a' + byte(rng.IntN(26))
				}
				before := time.Now()
				if err := op.do(ctx, c, chosen, value); err != nil {
					return err
				}
				after := time.Now()
				requests.Add(1)
				if after.After(end) {
					return nil
				}
				if before.After(begin) {
					latencies[i] = append(latencies[i], after.Sub(before))
				}
				time.Sleep(o.pause)
			}
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(latencies...)
	slices.Sort(all)
	used = processorTime(s.processes()) - used
	return &result{period: o.period, latencies: all, processor: used / time.Duration(max(1, requests.Load()))}, nil
}
