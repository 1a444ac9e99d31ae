package scheduler_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

const tombstone = schedulerpb.ErrorType_STORE_TOMBSTONE

func TestPutStore(t *testing.T) {
	m := cluster(t, 2, scheduler.Options{})
	at := func(id uint64, address string) *metapb.Store { return &metapb.Store{Id: id, Address: address} }

	refused(t, m.putStore(nil), unknown, "no id")
	refused(t, m.putStore(at(3, "")), unknown, "no address")
	refused(t, m.putStore(at(10000, "c")), unknown, "store id 10000 does not come from this scheduler")
	refused(t, m.putStore(at(3, "store-1:20160")), unknown, "store 1 has the address")
	refused(t, m.putStore(at(2, "store-1:20160")), unknown, "store 1 has the address")
	require.Equal(t, []string{"up", "up"}, m.states())

	ok(t, m.putStore(&metapb.Store{Id: m.id(), Address: "c", State: metapb.StoreState_Tombstone}))
	ok(t, m.putStore(at(10000, "c")) /* again */)
	ok(t, m.putStore(at(10000, "d")) /* it has moved */)
	ok(t, m.putStore(at(2, "c")))
	m.crash()
	got, err := m.GetStore(ctx, &schedulerpb.GetStoreRequest{Header: header, StoreId: 10000})
	ok(t, m.header(got, err))
	require.Equal(t, at(10000, "d").String(), got.Store.String())
	require.Nil(t, got.Stats)
	got, err = m.GetStore(ctx, &schedulerpb.GetStoreRequest{Header: header, StoreId: 9})
	refused(t, m.header(got, err), unknown, "store 9 is not known")
	refused(t, m.storeBeat(&schedulerpb.StoreStats{StoreId: 9}), unknown, "store 9 is not known")
}

// The life of a store: up, offline, perhaps back, and in the end a tombstone.
func TestStoreStates(t *testing.T) {
	m := cluster(t, 4, scheduler.Options{MaxPeerCount: 1})
	require.Nil(t, m.report(beat(reg(10, "", "m", 1, 1, 1))))
	require.Nil(t, m.report(beat(reg(11, "m", "", 1, 1, 2))))

	refused(t, m.removeStore(9), unknown, "store 9 is not known")
	ok(t, m.removeStore(4))
	ok(t, m.removeStore(4))
	ok(t, m.removeStore(1))
	m.pass(time.Second)
	require.Equal(t, []string{"offline", "up", "up", "tombstone"}, m.states(), "an empty store goes at once, another one waits")

	ok(t, m.putStore(store(1)))
	require.Equal(t, "offline", m.states()[0], "a store that restarts does not change its own state")
	ok(t, m.restoreStore(1))
	require.Equal(t, "up", m.states()[0])
	ok(t, m.removeStore(1))
	m.crash()
	require.Equal(t, []string{"offline", "up", "up", "tombstone"}, m.states())

	refused(t, m.putStore(store(4)), tombstone, "store 4 was removed for good")
	refused(t, m.putStore(&metapb.Store{Id: 4, Address: "elsewhere"}), tombstone, "for good")
	refused(t, m.storeBeat(&schedulerpb.StoreStats{StoreId: 4}), tombstone, "for good")
	refused(t, m.removeStore(4), tombstone, "for good")
	refused(t, m.restoreStore(4), tombstone, "for good")
	ok(t, m.putStore(&metapb.Store{Id: 5, Address: "store-4:20160"}) /* its address is free */)

	list := func(exclude bool) int {
		resp, err := m.GetAllStores(ctx, &schedulerpb.GetAllStoresRequest{Header: header, ExcludeTombstoneStores: exclude})
		ok(t, m.header(resp, err))
		return len(resp.Stores)
	}
	require.Equal(t, 5, list(false))
	require.Equal(t, 4, list(true))
}

// As long as some keys have no known region, a store that seems empty may not be.
func TestNoTombstoneInTheDark(t *testing.T) {
	m := cluster(t, 4, scheduler.Options{MaxPeerCount: 1})
	require.Nil(t, m.report(beat(reg(10, "", "m", 2, 1, 1))))
	ok(t, m.removeStore(4))
	m.pass(5 * time.Second)
	require.Equal(t, "offline", m.states()[3])
	require.False(t, m.Status().Complete)
	require.Nil(t, m.report(beat(reg(11, "m", "", 2, 1, 2))))
	require.True(t, m.Status().Complete)
	m.pass(time.Second)
	require.Equal(t, "tombstone", m.states()[3])
}

func TestSilentStores(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{StoreDisconnectTime: 20 * time.Second, MaxStoreDownTime: time.Minute})
	m.silent[2] = true
	m.pass(20 * time.Second)
	require.Equal(t, []string{"up", "up", "up"}, m.states())
	m.pass(time.Second)
	require.Equal(t, []string{"up", "disconnected", "up"}, m.states())
	m.pass(39 * time.Second)
	require.Equal(t, []string{"up", "disconnected", "up"}, m.states())
	m.pass(time.Second)
	require.Equal(t, []string{"up", "down", "up"}, m.states())
	require.Equal(t, 61*time.Second, m.Status().Stores[1].Silence)
	ok(t, m.storeBeat(&schedulerpb.StoreStats{StoreId: 2}))
	require.Equal(t, []string{"up", "up", "up"}, m.states())

	// A restart knows nothing of the past.
	m.pass(30 * time.Second)
	require.Equal(t, "disconnected", m.states()[1])
	m.crash()
	require.Equal(t, "up", m.states()[1])
	m.pass(21 * time.Second)
	require.Equal(t, "disconnected", m.states()[1])
	ok(t, m.putStore(store(2)))
	require.Equal(t, "up", m.states()[1], "a store that starts is alive")
}

// A clock that jumps, or a scheduler that was suspended, makes no store look dead;
// and a store that is dead is found out all the same.
func TestClockJumps(t *testing.T) {
	m := cluster(t, 3, scheduler.Options{StoreDisconnectTime: 20 * time.Second, MaxStoreDownTime: time.Minute})
	m.silent[3] = true
	m.pass(5 * time.Second)
	for _, jump := range []time.Duration{48 * time.Hour, -24 * time.Hour} {
		m.now = m.now.Add(jump)
		require.NoError(t, m.Tick())
		require.Equal(t, []string{"up", "up", "up"}, m.states())
	}
	m.pass(61 * time.Second)
	require.Equal(t, []string{"up", "up", "down"}, m.states())
}
