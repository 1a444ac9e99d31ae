package client

import (
	"context"
	"sync"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// lookupTimeout is how long the scheduler may take to answer before the last
// known address of a store has to do.
const lookupTimeout = 2 * time.Second

// An AddressBook finds where stores listen. Its methods may be called from several
// goroutines.
type AddressBook struct {
	clusterID uint64
	scheduler schedulerpb.SchedulerClient

	mu    sync.Mutex
	known map[uint64]string // what the scheduler has said last, by store
}

// NewAddressBook returns the address book of a cluster.
func NewAddressBook(clusterID uint64, scheduler schedulerpb.SchedulerClient) *AddressBook {
	return &AddressBook{clusterID: clusterID, scheduler: scheduler, known: map[uint64]string{}}
}

// Lookup asks the scheduler where a store listens, host:port. If the scheduler does
// not answer in time, it returns what the scheduler has said before. The error is
// that there is no such store, that it was removed for good, or that the scheduler
// never said where it is and does not answer now.
func (b *AddressBook) Lookup(ctx context.Context, store uint64) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	r, err := b.scheduler.GetStore(ctx, &schedulerpb.GetStoreRequest{
		Header: &schedulerpb.RequestHeader{ClusterId: b.clusterID}, StoreId: store,
	})
	if err != nil {
		b.mu.Lock()
		addr, found := b.known[store]
		b.mu.Unlock()
		if found {
			return addr, nil
		}
		return "", errors.Errorf("cannot ask the scheduler for the address of store %d: %s", store, describe(err))
	}
	if err := Check(r.Header); err != nil {
		return "", errors.Annotatef(err, "store %d", store)
	}
	switch {
	case r.GetStore().GetAddress() == "":
		return "", errors.Errorf("the scheduler knows no address of store %d", store)
	case r.Store.State == metapb.StoreState_Tombstone:
		return "", errors.Errorf("store %d was removed from the cluster", store)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known[store] = r.Store.Address
	return r.Store.Address, nil
}
