package client_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/client"
)

func TestAddressBook(t *testing.T) {
	f := newFake(t).begin()
	stores := map[uint64]*metapb.Store{
		1: {Id: 1, Address: "a:1"},
		2: {Id: 2, Address: "b:2", State: metapb.StoreState_Tombstone},
		3: {Id: 3, Address: "c:3", State: metapb.StoreState_Offline},
	}
	f.answers(func(_ context.Context, request any) (any, error) {
		q := request.(*schedulerpb.GetStoreRequest)
		r := &schedulerpb.GetStoreResponse{Store: stores[q.StoreId]}
		if r.Store == nil && q.StoreId == 4 {
			r.Header = &schedulerpb.ResponseHeader{Error: &schedulerpb.Error{Type: schedulerpb.ErrorType_UNKNOWN, Message: "no such store"}}
		}
		return r, nil
	})
	b := client.NewAddressBook(clusterID, f.dial())
	lookup := func(store uint64) (string, error) { return b.Lookup(await.Context(t, "an address"), store) }
	addr, err := lookup(1)
	require.NoError(t, err)
	require.Equal(t, "a:1", addr)
	addr, err = lookup(3)
	require.NoError(t, err, "a store that is being emptied has peers yet")
	require.Equal(t, "c:3", addr)
	_, err = lookup(2)
	require.EqualError(t, err, "store 2 was removed from the cluster")
	_, err = lookup(4)
	require.EqualError(t, err, "store 4: no such store")
	_, err = lookup(5)
	require.EqualError(t, err, "the scheduler knows no address of store 5")

	// It has moved.
	stores[1] = &metapb.Store{Id: 1, Address: "a:9"}
	addr, err = lookup(1)
	require.NoError(t, err)
	require.Equal(t, "a:9", addr)

	// Without the scheduler, the last answer counts.
	f.end()
	addr, err = lookup(1)
	require.NoError(t, err)
	require.Equal(t, "a:9", addr)
	_, err = lookup(5)
	require.ErrorContains(t, err, "cannot ask the scheduler for the address of store 5: ")
}
