package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// The suite leaves it open what a request for the leader itself, or for a
// stranger, does to a transfer under way. This package decides: nothing.
func TestTransferGoesOnThroughRequestsForLeaderAndStranger(t *testing.T) {
	l := newFlowLeader(t, raft.Config{})
	l.handle()
	l.accept(1)
	index, _, err := l.Propose([]byte("a"))
	require.NoError(t, err)
	l.handle()

	l.TransferLeader(2)
	for _, id := range []uint64{1, 4, 2} {
		l.TransferLeader(id)
		require.Equal(t, uint64(2), l.Status().LeadTransferee, "after a request for %d", id)
	}
	l.handle()
	l.accept(index)
	var types []pb.MessageType
	for _, m := range l.handle() {
		types = append(types, m.MsgType)
	}
	require.Contains(t, types, pb.MessageType_MsgTimeoutNow, "node 2 has the whole log")
}
