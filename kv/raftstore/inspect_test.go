package raftstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
)

// What is said of a raft engine names its records, also those of no known kind.
func TestDescribeRaft(t *testing.T) {
	f := newServer(t, serverConfig{id: 1, region: regionOf(1, "", ""), maxLog: unlimited})
	for range 30 {
		f.tick() // it elects itself
	}
	require.Regexp(t, `^\d+ bytes: the store's identity; of region 1 its RaftState, entry 1$`, f.inRaftEngine())
	f.submit("a put", set(engine.CFDefault, "k", "v"))
	f.work()
	require.Regexp(t, `^\d+ bytes: the store's identity; of region 1 its RaftState, entries 1..2$`, f.inRaftEngine())

	cf := raftstore.RaftFamilies[0]
	require.NoError(t, f.raft.DeleteRange(cf, engine.Range{}))
	require.Equal(t, "0 bytes: nothing", f.inRaftEngine())
	b := &engine.Batch{}
	b.Put(cf, []byte("stray"), []byte("x"))
	require.NoError(t, f.raft.Write(b, false))
	require.Equal(t, "6 bytes: a record with the unknown key 7374726179", f.inRaftEngine())
	require.NoError(t, f.raft.Close())
	require.Equal(t, "unreadable", f.inRaftEngine())
}
