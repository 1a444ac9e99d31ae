package main

import (
	"bytes"
	"context"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/cluster"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	schedulerclient "github.com/labkv/labkv/scheduler/client"
)

// splitLimit is how long a cluster may take to split its regions and to spread them.
const splitLimit = 3 * time.Minute

// split splits the region of a new cluster until there are as many as there should be, with
// about the same number of keys each, and waits until each has its peers and all stores
// lead about as many.
func (l *labkv) split(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, splitLimit, errors.Errorf("there are not %d regions on all stores within %s", l.regions, splitLimit))
	defer cancel()
	for {
		done, err := l.splitMore(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// splitMore splits each region that has more keys than it should have in its middle, and
// reports whether there is nothing left to do. A scheduler or a cluster that is not there
// yet is asked again.
func (l *labkv) splitMore(ctx context.Context) (done bool, err error) {
	header := &schedulerpb.RequestHeader{ClusterId: cluster.ID}
	scanned, err := l.scheduler.ScanRegions(ctx, &schedulerpb.ScanRegionsRequest{Header: header})
	if err != nil || schedulerclient.Check(scanned.Header) != nil {
		return false, nil
	}
	done = len(scanned.Regions) == l.regions
	leads := map[uint64]int{}
	for i, r := range scanned.Regions {
		leader := scanned.Leaders[i].GetStoreId()
		leads[leader]++
		done = done && len(r.Peers) == members && leader != 0
		if middle := l.middle(r); middle != nil {
			// A refusal means that the region is being changed already.
			if _, err := schedulerpb.NewAdminClient(l.conn).AddOperator(ctx, &schedulerpb.AddOperatorRequest{
				Header: header, RegionId: r.Id, Change: schedulerpb.RegionChange_SPLIT, Key: middle,
			}); err != nil {
				return false, errors.Trace(err)
			}
		}
	}
	done = done && len(leads) == min(l.regions, members)
	for _, n := range leads {
		done = done && n <= l.regions/members+2
	}
	return done, nil
}

// middle returns the bound in the middle of those that are to become bounds of regions and
// lie within r, or nil if there is none.
func (l *labkv) middle(r *metapb.Region) []byte {
	var within [][]byte
	for i := 1; i < l.regions; i++ {
		if b := bound(i * keys / l.regions); bytes.Compare(b, r.StartKey) > 0 && (len(r.EndKey) == 0 || bytes.Compare(b, r.EndKey) < 0) {
			within = append(within, b)
		}
	}
	if len(within) == 0 {
		return nil
	}
	return within[len(within)/2]
}
