package raftstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/proto/raftserverpb"
)

// A follower that has lost its disk, and is back under its old id, gets all
// data again, although its leader relies on what it has acknowledged: by log if
// the log still has the entries, else by snapshot.
func TestWipedFollowerCatchesUp(t *testing.T) {
	for _, stores := range []uint64{2, 3, 5} {
		for _, entries := range []int{3, 100} { // the latter is more than logs keep
			t.Run(fmt.Sprintf("%d stores, %d entries", stores, entries), func(t *testing.T) {
				c := newCluster(t, 1, stores)
				leader := c.leader()
				for i := range entries {
					c.put(leader, fmt.Sprint(i), "x")
				}
				c.tick(10)
				wiped := c.follower(leader)
				c.crash(wiped)
				wiped.install()
				c.tick(100)
				want := c.at(c.leader()).content()
				require.Len(t, want, entries)
				require.Equal(t, want, wiped.content())
			})
		}
	}
}

// A snapshot that brings nothing new leaves no file, however often it comes.
func TestUselessSnapshotsAreRemoved(t *testing.T) {
	c := newCluster(t, 1, 3)
	leader := c.leader()
	slow := c.follower(leader)
	c.isolate(slow.id)
	var snapshot *raftserverpb.RaftMessage
	c.loses = func(m *raftserverpb.RaftMessage) bool {
		if m.Message.Snapshot != nil {
			snapshot = m
		}
		return false
	}
	for i := range 200 {
		c.put(leader, fmt.Sprint(i), "x")
		c.tick(1)
	}
	c.reconnect()
	for len(slow.content()) < 200 {
		c.tick(1)
	}
	require.NotNil(t, snapshot, "it was too far behind for the log")
	require.Empty(t, slow.files.now)
	for range 3 {
		c.deliver(snapshot)
		require.NotEmpty(t, slow.files.now)
		c.settle()
		require.Empty(t, slow.files.now)
	}
}
