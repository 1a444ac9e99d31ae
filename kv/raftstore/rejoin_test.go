package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A follower that has lost its disk, and is back under its old id, gets everything
// again, although its leader relies on what it had acknowledged; by log if there is
// one, else by snapshot.
func TestWipedFollowerCatchesUp(t *testing.T) {
	for _, stores := range []int{2, 3, 5} {
		for _, entries := range []int{3, 100} { // the latter is more than logs keep
			t.Run(fmt.Sprintf("%d stores, %d entries", stores, entries), func(t *testing.T) {
				c := newCluster(t, 1, stores)
				leader := c.leader()
				for i := range entries {
					require.NoError(t, c.do(leader, put(fmt.Sprint(i), "x")).Err)
				}
				c.tick(10)
				wiped := c.ids[0]
				if wiped == leader {
					wiped = c.ids[1]
				}
				c.crash(wiped)
				m := c.stores[wiped]
				m.log, m.data, m.files = memory.NewDisk(), memory.NewDisk(), memFiles{}
				m.openEngines()
				require.NoError(t, raftstore.Bootstrap(m.config(), c.region))
				m.boot()
				for range 100 {
					c.tick(1)
				}
				want := c.content(c.leader())
				require.Len(t, want, entries)
				require.Equal(t, want, c.content(wiped))
			})
		}
	}
}

// A snapshot that brings nothing new leaves no file, however often it comes.
func TestUselessSnapshotsAreRemoved(t *testing.T) {
	c := newCluster(t, 1, 3)
	leader := c.leader()
	slow := c.ids[0]
	if slow == leader {
		slow = c.ids[1]
	}
	cut := true
	var snapshot *raftserverpb.RaftMessage
	c.drops = func(m *raftserverpb.RaftMessage) bool {
		if m.Message.Snapshot != nil {
			snapshot = m
		}
		return cut && (m.ToPeer.StoreId == slow || m.FromPeer.StoreId == slow)
	}
	for i := range 200 {
		require.NoError(t, c.do(leader, put(fmt.Sprint(i), "x")).Err)
		c.tick(1)
	}
	cut = false
	for len(c.content(slow)) < 200 {
		c.tick(1)
	}
	require.NotNil(t, snapshot, "it was too far behind for the log")
	require.Empty(t, c.stores[slow].files)
	for range 3 {
		c.deliver(snapshot)
		require.NotEmpty(t, c.stores[slow].files)
		c.settle()
		require.Empty(t, c.stores[slow].files)
	}
}
