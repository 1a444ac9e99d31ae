package scheduler_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// The life of a store: up, offline, perhaps back, and in the end a tombstone.
func TestStoreLife3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an offline store becomes a tombstone once it is known to be empty, and a tombstone never comes back",
		Source: "(*Scheduler).bury; package scheduler, what always holds",
	}, func(t *graded.T) {
		m := cluster(t, 4, scheduler.Options{MaxPeerCount: 1, RepairLimit: -1})
		is := func(want, when string) {
			t.Helper()
			if got := strings.Join(m.states(), " "); got != want {
				t.Fatalf("%s, the stores are %s, and should be %s", when, got, want)
			}
		}
		ok(t, m.removeStore(4))
		m.pass(5 * time.Second)
		is("up up up offline", "as long as no region is known")
		require.Nil(t, m.report(beat(reg(10, "", "m", 1, 1, 1))), "an order for a region that is well")
		m.pass(5 * time.Second)
		is("up up up offline", "as long as some keys have no known region")
		require.Nil(t, m.report(beat(reg(11, "m", "", 1, 1, 2))), "an order for a region that is well")
		ok(t, m.removeStore(1))
		m.pass(time.Second)
		is("offline up up tombstone", "when all regions are known")
		ok(t, m.restoreStore(1))
		m.pass(time.Second)
		is("up up up tombstone", "after store 1 was restored")
		ok(t, m.removeStore(1))
		m.crash()
		is("offline up up tombstone", "after a crash")
		for _, c := range []struct {
			what string
			h    *schedulerpb.ResponseHeader
		}{
			{"a tombstone registers", m.putStore(store(4))},
			{"a tombstone moves", m.putStore(&metapb.Store{Id: 4, Address: "elsewhere"})},
			{"a tombstone beats", m.storeBeat(&schedulerpb.StoreStats{StoreId: 4})},
			{"a tombstone is removed", m.removeStore(4)},
			{"a tombstone is restored", m.restoreStore(4)},
			{"a store that is not known", m.removeStore(9)},
			{"an address of another one", m.putStore(&metapb.Store{Id: 5, Address: "store-2:20160"})},
			{"an id not from AllocID", m.putStore(store(77777))},
			{"a store without an address", m.putStore(&metapb.Store{Id: 6})},
		} {
			denied(t, c.h, c.what)
		}
		is("offline up up tombstone", "after requests that were refused")
	})
}

func TestStoreWaitsForItsPeers3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an offline store is no tombstone as long as a region has a peer there",
		Source: "(*Scheduler).bury",
	}, func(t *graded.T) {
		s := &script{machine: cluster(t, 4, still), r: reg(10, "", "", 1, 5, 1, 2, 3)}
		s.beat()
		s.mustAdd(movePeer(10, 3, 4))
		s.gives("add 10000@4", "a peer is to move to store 4")
		s.join(10000, 4)
		s.gives("remove 1003@3", "the new peer has joined")
		ok(t, s.removeStore(3))
		s.pass(time.Second)
		require.Equal(t, "offline", s.states()[2], "the state of a store that has a peer")
		s.leave(2)
		s.gives("", "the old peer has left")
		s.pass(time.Second)
		require.Equal(t, "tombstone", s.states()[2], "the state of an offline store whose last peer has left")

		// A peer on a store that is down is lost, but its region counts it.
		ok(t, s.removeStore(2))
		s.silent[2] = true
		s.pass(31 * time.Minute)
		require.Equal(t, "offline", s.states()[1], "the state of an offline store that is down, and has a peer")
	})
}

// A clock that jumps, or a scheduler that was suspended, makes no store look dead;
// and a store that is dead is found out all the same.
func TestSilentStores3C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "operators to a store that falls silent are cancelled when it is disconnected, not before, and not because the clock has jumped",
		Source: "(*Scheduler).expire, (*Scheduler).Tick",
	}, func(t *graded.T) {
		o := still
		o.StoreDisconnectTime, o.MaxStoreDownTime = 20*time.Second, time.Minute
		s := &script{machine: cluster(t, 5, o), r: reg(10, "", "", 1, 5, 1, 2, 3)}
		s.beat()
		s.mustAdd(movePeer(10, 2, 4))
		for _, jump := range []time.Duration{48 * time.Hour, -24 * time.Hour} {
			s.now = s.now.Add(jump)
			require.NoError(t, s.Tick(), "a tick")
			require.Equal(t, "RUNNING admin", s.status(), "an operator, after the clock has jumped")
		}
		s.silent[4], s.silent[3] = true, true
		s.pass(5 * time.Second)
		require.Equal(t, "RUNNING admin", s.status(), "an operator to a store that has been silent for a few seconds")
		s.gives("add 10000@4", "a store has been silent for a few seconds")
		s.pass(20 * time.Second)
		require.Equal(t, "CANCEL admin", s.status(), "an operator to a store that is disconnected")
		s.gives("", "its operator was cancelled")

		s.silent[3] = false
		s.pass(time.Second)
		s.mustAdd(movePeer(10, 2, 5))
		ok(t, s.removeStore(5))
		s.pass(time.Second)
		require.Equal(t, "CANCEL admin", s.status(), "an operator to a store that was taken offline")
		s.mustAdd(transferLeader(10, 3))
		s.silent[3] = true
		s.pass(21 * time.Second)
		require.Equal(t, "CANCEL admin", s.status(), "a transfer of the leadership to a store that is disconnected")

		// What a store is to lose it may lose offline, too.
		s.silent[3] = false
		s.pass(time.Second)
		s.mustAdd(removePeer(10, 2))
		s.silent[2] = true
		s.pass(30 * time.Second)
		require.Equal(t, "RUNNING admin", s.status(), "the removal of a peer from a store that is disconnected")
		s.gives("remove 1002@2", "a peer is to be removed from a store that is disconnected")
	})
}
