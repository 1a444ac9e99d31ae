package client_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A quickConn serves every get at once, and costs nothing itself.
type quickConn struct{ grpc.ClientConnInterface }

func (quickConn) Invoke(_ context.Context, _ string, args, out any, _ ...grpc.CallOption) error {
	if rc := args.(*kvrpcpb.RawGetRequest).Context; rc.RegionEpoch == nil {
		out.(*kvrpcpb.RawGetResponse).RegionError = &errorpb.Error{EpochNotMatch: epochNotMatch(wholeSpace(1, 1)).EpochNotMatch}
	}
	return nil
}

func (quickConn) Close() error { return nil }

// The client's own part of a get whose region it knows.
func BenchmarkGet(b *testing.B) {
	for _, stores := range []int{1, 3} {
		b.Run(map[int]string{1: "one store", 3: "three stores"}[stores], func(b *testing.B) {
			cfg := client.Config{Dial: func(string) (client.Conn, error) { return quickConn{}, nil }}
			for i := range stores {
				cfg.Stores = append(cfg.Stores, client.Store{ID: uint64(i + 1), Addr: "a"})
			}
			c, err := client.NewRaw(cfg)
			require.NoError(b, err)
			ctx, key := context.Background(), []byte("key")
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := c.Get(ctx, engine.CFDefault, key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
