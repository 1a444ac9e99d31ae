package client_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A quickConn serves at once, and costs nothing itself.
type quickConn struct{ grpc.ClientConnInterface }

func (quickConn) Invoke(_ context.Context, _ string, args, out any, _ ...grpc.CallOption) error {
	if get, ok := args.(*kvrpcpb.RawGetRequest); ok && get.Context.RegionEpoch == nil {
		out.(*kvrpcpb.RawGetResponse).RegionError = epochNotMatch(wholeSpace(1, 1))
	}
	return nil
}

func (quickConn) Close() error { return nil }

// The client's own part of a get whose region it knows.
func BenchmarkGet(b *testing.B) {
	for _, stores := range []int{1, 3} {
		b.Run(fmt.Sprintf("stores=%d", stores), func(b *testing.B) {
			cfg := client.Config{Dial: func(string) (client.Conn, error) { return quickConn{}, nil }}
			for i := range stores {
				cfg.Stores = append(cfg.Stores, client.Store{ID: uint64(i + 1), Addr: "a"})
			}
			benchmarkGet(b, cfg, 1)
		})
	}
	// Regions of three stores each.
	for _, regions := range []int{1, 10000} {
		b.Run(fmt.Sprintf("scheduler/regions=%d", regions), func(b *testing.B) {
			benchmarkGet(b, client.Config{
				Scheduler: evenly{},
				Dial:      func(string) (client.Conn, error) { return quickConn{}, nil },
			}, regions)
		})
	}
}

// benchmarkGet gets a key of one region after the other.
func benchmarkGet(b *testing.B, cfg client.Config, regions int) {
	c, err := client.NewRaw(cfg)
	require.NoError(b, err)
	defer c.Close()
	var keys [][]byte
	for i := range regions {
		keys = append(keys, fmt.Appendf(nil, "%08d", i))
	}
	get := func(i int) {
		if _, _, err := c.Get(b.Context(), engine.CFDefault, keys[i%regions]); err != nil {
			b.Fatal(err)
		}
	}
	for i := range regions {
		get(i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		get(i)
		i++
	}
}

// evenly is the scheduler of a cluster in which each number has a region of its own.
type evenly struct{ schedulerpb.SchedulerClient }

func (evenly) GetMembers(context.Context, *schedulerpb.GetMembersRequest, ...grpc.CallOption) (*schedulerpb.GetMembersResponse, error) {
	return &schedulerpb.GetMembersResponse{}, nil
}

func (evenly) GetRegion(_ context.Context, req *schedulerpb.GetRegionRequest, _ ...grpc.CallOption) (*schedulerpb.GetRegionResponse, error) {
	var i int
	if _, err := fmt.Sscanf(string(req.RegionKey), "%08d", &i); err != nil {
		return nil, err
	}
	r := wholeSpace(1, 1)
	r.Id = uint64(i + 1)
	r.StartKey, r.EndKey = fmt.Appendf(nil, "%08d", i), fmt.Appendf(nil, "%08d", i+1)
	return &schedulerpb.GetRegionResponse{Region: r, Leader: r.Peers[i%3]}, nil
}

func (evenly) GetStore(_ context.Context, req *schedulerpb.GetStoreRequest, _ ...grpc.CallOption) (*schedulerpb.GetStoreResponse, error) {
	return &schedulerpb.GetStoreResponse{Store: &metapb.Store{Id: req.StoreId, Address: "a"}}, nil
}
