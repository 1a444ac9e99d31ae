package raft_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A member is a Node with the application that its doc describes.
type member struct {
	*raft.Node
	storage *raft.MemoryStorage
	applied []string
	done    chan struct{}
}

// startGroup starts n members that send to one another directly. The caller
// must run inside a synctest bubble, and call the function that is returned to
// stop them.
func startGroup(t *testing.T, n int) (members []*member, stop func()) {
	var peers []raft.Peer
	for id := range n {
		peers = append(peers, raft.Peer{ID: uint64(id) + 1})
	}
	for _, peer := range peers {
		m := &member{storage: raft.NewMemoryStorage(), done: make(chan struct{})}
		node, err := raft.StartNode(memberConfig(peer.ID, m.storage), peers)
		require.NoError(t, err)
		m.Node = node
		members = append(members, m)
	}
	for _, m := range members {
		go m.run(t, members)
	}
	return members, func() {
		for _, m := range members {
			m.Stop()
			<-m.done
		}
	}
}

func memberConfig(id uint64, storage raft.Storage) *raft.Config {
	return &raft.Config{
		ID:            id,
		ElectionTick:  10,
		HeartbeatTick: 1,
		Storage:       storage,
		// Different waits, so that the first member always wins.
		RandIntN: func(n int) int { return int(id-1) * 3 % n },
	}
}

func (m *member) run(t *testing.T, members []*member) {
	defer close(m.done)
	ctx := context.Background()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.Tick()
		case rd := <-m.Ready():
			if rd.HardState != nil {
				m.storage.SetHardState(rd.HardState)
			}
			if err := m.storage.Append(rd.Entries); err != nil {
				t.Error(err)
			}
			for _, msg := range rd.Messages {
				// In a goroutine: two members that step each other from
				// their loops would wait for ever.
				go func() { _ = members[msg.To-1].Step(ctx, msg) }()
			}
			for _, e := range rd.CommittedEntries {
				switch {
				case e.EntryType == pb.EntryType_EntryConfChange:
					var cc pb.ConfChange
					if err := proto.Unmarshal(e.Data, &cc); err != nil {
						t.Error(err)
					}
					m.storage.SetConfState(m.ApplyConfChange(&cc))
				case len(e.Data) > 0:
					m.applied = append(m.applied, string(e.Data))
				}
			}
			m.Advance()
		case <-m.stopped():
			return
		}
	}
}

// stopped returns a channel that is closed once the node is.
func (m *member) stopped() <-chan struct{} {
	c := make(chan struct{})
	if _, err := m.Status(context.Background()); err == raft.ErrStopped {
		close(c)
	}
	return c
}

func TestNodesElectReplicateAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		members, stop := startGroup(t, 3)
		time.Sleep(time.Second) // virtual
		status, err := members[0].Status(ctx)
		require.NoError(t, err)
		require.Equal(t, raft.StateLeader, status.RaftState)
		require.Equal(t, []uint64{1, 2, 3}, status.Nodes)

		var want []string
		for i := range 10 {
			data := fmt.Sprintf("entry %d", i)
			want = append(want, data)
			_, _, err := members[0].Propose(ctx, []byte(data))
			require.NoError(t, err)
		}
		_, _, err = members[1].Propose(ctx, []byte("to a follower"))
		require.Equal(t, raft.ErrNotLeader, err)

		time.Sleep(time.Second)
		require.NoError(t, members[0].TransferLeader(ctx, 2))
		time.Sleep(time.Second)
		status, err = members[2].Status(ctx)
		require.NoError(t, err)
		require.Equal(t, uint64(2), status.Lead)

		_, _, err = members[1].ProposeConfChange(ctx, &pb.ConfChange{ChangeType: pb.ConfChangeType_RemoveNode, NodeId: 3})
		require.NoError(t, err)
		time.Sleep(time.Second)
		status, err = members[1].Status(ctx)
		require.NoError(t, err)
		require.Equal(t, []uint64{1, 2}, status.Nodes)

		stop()
		_, _, err = members[0].Propose(ctx, []byte("too late"))
		require.Equal(t, raft.ErrStopped, err)
		for _, m := range members {
			require.Equal(t, want, m.applied)
		}

		// A node that is started again is where it was.
		again, err := raft.RestartNode(memberConfig(1, members[0].storage))
		require.NoError(t, err)
		restarted, err := again.Status(ctx)
		require.NoError(t, err)
		require.Equal(t, status.Term, restarted.Term)
		require.Equal(t, []uint64{1, 2}, restarted.Nodes)
		again.Stop()
	})
}

func TestNodeCallsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, err := raft.RestartNode(memberConfig(1, raft.NewMemoryStorage(1)))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		// Either the call was made, or the context ended it: never anything else.
		if _, _, err := n.Propose(ctx, []byte("x")); err != raft.ErrNotLeader {
			require.Equal(t, context.Canceled, err)
		}
		n.Stop()
		require.Equal(t, raft.ErrStopped, n.Campaign(context.Background()))
		require.Nil(t, n.ApplyConfChange(&pb.ConfChange{}))
		n.Tick() // does not block
		n.Advance()
	})
}

func TestStartNodeRefusesBadGroups(t *testing.T) {
	_, err := raft.StartNode(memberConfig(1, raft.NewMemoryStorage()), nil)
	require.ErrorContains(t, err, "at least one peer")

	used := raft.NewMemoryStorage()
	require.NoError(t, used.Append(entriesOf(1, 1)))
	_, err = raft.StartNode(memberConfig(1, used), []raft.Peer{{ID: 1}})
	require.ErrorContains(t, err, "a log up to 1")
}
