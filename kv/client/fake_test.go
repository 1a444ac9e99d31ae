package client_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

// A reply is what a fake store says to a request: a region error, the text of an
// error, or the error of the call; served if all are empty.
type reply struct {
	region *errorpb.Error
	text   string
	err    error
}

var served = reply{}

func refuses(e *errorpb.Error) reply { return reply{region: e} }

// fails is the error of a call that ended with code and got as far as fate says.
func fails(fate client.Fate, code codes.Code) reply {
	err := status.Error(code, "reason")
	if fate == client.Lost {
		return reply{err: err}
	}
	return reply{err: &client.CallError{Fate: fate, Err: err}}
}

// A fakeStore is a store at the other end of a Conn in memory. It belongs to the
// goroutine that makes the calls.
type fakeStore struct {
	// answer is called for each request, with its number from 1 on.
	answer func(ctx context.Context, n int, rc *kvrpcpb.Context) reply

	asked []time.Time
	said  []*kvrpcpb.Context
}

// stores are the stores of a cluster, by id from 1.
type stores []*fakeStore

// always returns a store that answers every request alike.
func always(r reply) *fakeStore {
	return &fakeStore{answer: func(context.Context, int, *kvrpcpb.Context) reply { return r }}
}

// first returns a store that gives these answers, and serves from then on.
func first(replies ...reply) *fakeStore { return script(append(replies, served)...) }

// script returns a store that gives these answers, the last one forever.
func script(replies ...reply) *fakeStore {
	return &fakeStore{answer: func(_ context.Context, n int, _ *kvrpcpb.Context) reply {
		return replies[min(n, len(replies))-1]
	}}
}

func (f *fakeStore) Invoke(ctx context.Context, _ string, args, out any, _ ...grpc.CallOption) error {
	f.asked = append(f.asked, time.Now())
	rc := args.(interface{ GetContext() *kvrpcpb.Context }).GetContext()
	f.said = append(f.said, proto.CloneOf(rc))
	r := f.answer(ctx, len(f.asked), rc)
	switch out := out.(type) {
	case *kvrpcpb.RawGetResponse:
		out.RegionError, out.Error, out.NotFound = r.region, r.text, true
	case *kvrpcpb.RawPutResponse:
		out.RegionError, out.Error = r.region, r.text
	}
	return r.err
}

func (*fakeStore) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams")
}

func (*fakeStore) Close() error { return nil }

// known returns a client of stores with the ids 1, 2, …, which it knows.
func known(t *testing.T, stores ...*fakeStore) *client.Raw {
	t.Helper()
	var cfg client.Config
	for i := range stores {
		cfg.Stores = append(cfg.Stores, client.Store{ID: uint64(i + 1), Addr: fmt.Sprint("store ", i+1)})
	}
	return newFakeClient(t, cfg, stores...)
}

// newFakeClient returns a client with the shortest pauses.
func newFakeClient(t *testing.T, cfg client.Config, stores ...*fakeStore) *client.Raw {
	t.Helper()
	dialed := 0
	cfg.Dial = func(string) (client.Conn, error) {
		dialed++
		return stores[dialed-1], nil
	}
	cfg.Rand = func(int64) int64 { return 0 }
	c, err := client.NewRaw(cfg)
	require.NoError(t, err)
	return c
}

// The region errors that say nothing about the cluster.
var (
	notLeader      = &errorpb.Error{Message: "not leader", NotLeader: &errorpb.NotLeader{RegionId: 1}}
	busy           = &errorpb.Error{Message: "busy", ServerIsBusy: &errorpb.ServerIsBusy{Reason: "busy"}}
	staleCommand   = &errorpb.Error{Message: "stale", StaleCommand: &errorpb.StaleCommand{}}
	regionNotFound = &errorpb.Error{Message: "no such region", RegionNotFound: &errorpb.RegionNotFound{RegionId: 1}}
	noKind         = &errorpb.Error{Message: "no kind"}
	keyNotInRegion = &errorpb.Error{Message: "key outside", KeyNotInRegion: &errorpb.KeyNotInRegion{RegionId: 1}}
)

// ledBy says that the peer on that store leads.
func ledBy(store uint64) *errorpb.Error {
	return &errorpb.Error{Message: "not leader", NotLeader: &errorpb.NotLeader{
		RegionId: 1, Leader: &metapb.Peer{Id: 100 + store, StoreId: store},
	}}
}

func storeNotMatch(actual uint64) *errorpb.Error {
	return &errorpb.Error{Message: "another store", StoreNotMatch: &errorpb.StoreNotMatch{ActualStoreId: actual}}
}

// wholeSpace returns the region that covers all keys, with peers on stores 1 to 3.
func wholeSpace(version, confVer uint64) *metapb.Region {
	r := &metapb.Region{Id: 1, RegionEpoch: &metapb.RegionEpoch{Version: version, ConfVer: confVer}}
	for store := uint64(1); store <= 3; store++ {
		r.Peers = append(r.Peers, &metapb.Peer{Id: 100 + store, StoreId: store})
	}
	return r
}

func epochNotMatch(current ...*metapb.Region) *errorpb.Error {
	return &errorpb.Error{Message: "epoch", EpochNotMatch: &errorpb.EpochNotMatch{CurrentRegions: current}}
}
