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

// A heldStorage is a storage that a test can make wait, and with it the goroutine
// of its node.
type heldStorage struct {
	*raft.MemoryStorage
	gate chan struct{} // closed: nothing waits
}

func (s *heldStorage) Term(i uint64) (uint64, error) {
	<-s.gate
	return s.MemoryStorage.Term(i)
}

// A soleNode is node 1 of some members, without an application: that is the test.
type soleNode struct {
	*raft.Node
	t       *testing.T
	storage *heldStorage
}

// startSole must be called in a synctest bubble.
func startSole(t *testing.T, change func(*raft.Config), members ...uint64) *soleNode {
	t.Helper()
	storage := &heldStorage{raft.NewMemoryStorage(members...), make(chan struct{})}
	close(storage.gate)
	c := memberConfig(1, storage)
	if change != nil {
		change(c)
	}
	n, err := raft.RestartNode(c)
	require.NoError(t, err)
	return &soleNode{n, t, storage}
}

// hold makes the node wait, in the middle of a call of Campaign, until release.
func (n *soleNode) hold() (release func(), result chan error) {
	gate := make(chan struct{})
	n.storage.gate = gate
	result = make(chan error, 1)
	go func() { result <- n.Campaign(context.Background()) }()
	synctest.Wait()
	return func() { close(gate); synctest.Wait() }, result
}

// take returns the Ready on offer, which there must be.
func (n *soleNode) take() raft.Ready {
	n.t.Helper()
	synctest.Wait()
	select {
	case rd := <-n.Ready():
		return rd
	default:
		n.t.Fatal("no Ready is on offer")
		return raft.Ready{}
	}
}

// idle fails if a Ready is on offer.
func (n *soleNode) idle(why string) {
	n.t.Helper()
	synctest.Wait()
	select {
	case rd := <-n.Ready():
		n.t.Fatalf("%s, but a Ready is on offer: %+v", why, rd)
	default:
	}
}

func (n *soleNode) save(rd raft.Ready) {
	n.t.Helper()
	if rd.HardState != nil {
		n.storage.SetHardState(rd.HardState)
	}
	require.NoError(n.t, n.storage.Append(rd.Entries))
}

// settle handles Readys until none is on offer, and returns the messages.
func (n *soleNode) settle() []*pb.Message {
	n.t.Helper()
	var msgs []*pb.Message
	for {
		synctest.Wait()
		select {
		case rd := <-n.Ready():
			n.save(rd)
			msgs = append(msgs, rd.Messages...)
			n.Advance()
		default:
			return msgs
		}
	}
}

func (n *soleNode) status() raft.Status {
	n.t.Helper()
	st, err := n.Status(context.Background())
	require.NoError(n.t, err)
	return st
}

func (n *soleNode) step(m *pb.Message) {
	n.t.Helper()
	m.To = 1
	require.NoError(n.t, n.Step(context.Background(), m))
}

func types(msgs []*pb.Message) []pb.MessageType {
	var all []pb.MessageType
	for _, m := range msgs {
		all = append(all, m.MsgType)
	}
	return all
}

// What a Ready holds is handed out once. A Ready that is not taken yet keeps its
// contents, and what happens meanwhile comes with the next.
func TestNodeLosesNothingOfAReadyOnOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startSole(t, nil, 1, 2, 3)
		defer n.Stop()
		for term := uint64(2); term <= 4; term++ {
			n.step(&pb.Message{MsgType: pb.MessageType_MsgHeartbeat, From: 2, Term: term})
			synctest.Wait() // the first is on offer now
		}
		var answers []uint64
		var last *pb.HardState
		for range 2 {
			rd := n.take()
			for _, m := range rd.Messages {
				answers = append(answers, m.Term)
				require.GreaterOrEqual(t, rd.HardState.GetTerm(), m.Term, "the state that a message promises comes with it")
			}
			last = rd.HardState
			n.save(rd)
			n.Advance()
		}
		require.Equal(t, []uint64{2, 3, 4}, answers)
		require.Equal(t, uint64(4), last.GetTerm())
		n.idle("everything was handled")
	})
}

// A node believes that a Ready is done when Advance says so, and offers no other
// before: the application may be slow.
func TestNodeWaitsForAdvance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		n := startSole(t, nil, 1)
		defer n.Stop()
		require.NoError(t, n.Campaign(ctx))
		rd := n.take()
		require.Len(t, rd.Entries, 1)
		require.Len(t, rd.CommittedEntries, 1)
		_, _, err := n.Propose(ctx, []byte("a"))
		require.NoError(t, err, "a node takes calls while its application is busy")
		n.Tick()
		require.Zero(t, n.status().Applied, "the first entry is not applied yet")
		n.idle("the first Ready is not done")
		n.save(rd)
		n.idle("the first Ready is saved, and not done")

		n.Advance()
		require.Equal(t, uint64(1), n.status().Applied)
		rd = n.take()
		require.Len(t, rd.Entries, 1, "the second entry only: the first is saved")
		require.Equal(t, "a", string(rd.Entries[0].Data))
		n.save(rd)
		n.Advance()
		require.Equal(t, uint64(2), n.status().Applied)
		n.idle("everything is done")
	})
}

// A leader that hears of lost messages sends them again.
func TestNodeReportsUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startSole(t, nil, 1, 2)
		defer n.Stop()
		require.NoError(t, n.Campaign(context.Background()))
		n.settle()
		n.step(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, From: 2, Term: 1})
		n.settle()
		n.step(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: 2, Term: 1, Index: 1})
		n.settle()
		_, _, err := n.Propose(context.Background(), []byte("a"))
		require.NoError(t, err)
		require.Equal(t, []pb.MessageType{pb.MessageType_MsgAppend}, types(n.settle()))
		require.Empty(t, n.settle(), "it waits for the answer")
		n.ReportUnreachable(2)
		require.Equal(t, []pb.MessageType{pb.MessageType_MsgAppend}, types(n.settle()))
	})
}

// What the application says of a snapshot reaches the node as it was said.
func TestNodeReportsSnapshots(t *testing.T) {
	for _, arrived := range []bool{true, false} {
		t.Run(fmt.Sprintf("arrived: %v", arrived), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := startSole(t, nil, 1, 2, 3)
				defer n.Stop()
				require.NoError(t, n.Campaign(context.Background()))
				n.settle()
				n.step(&pb.Message{MsgType: pb.MessageType_MsgRequestVoteResponse, From: 3, Term: 1})
				n.settle()
				n.step(&pb.Message{MsgType: pb.MessageType_MsgAppendResponse, From: 3, Term: 1, Index: 1})
				n.settle()
				require.NoError(t, n.storage.Compact(1, &pb.ConfState{Nodes: []uint64{1, 2, 3}}, nil))
				n.step(&pb.Message{MsgType: pb.MessageType_MsgHeartbeatResponse, From: 2, Term: 1})
				require.Equal(t, []pb.MessageType{pb.MessageType_MsgSnapshot}, types(n.settle()), "the entry that node 2 lacks is gone")

				n.ReportSnapshot(2, arrived)
				require.Empty(t, n.settle(), "node 2 shows no sign of life")
				n.step(&pb.Message{MsgType: pb.MessageType_MsgHeartbeatResponse, From: 2, Term: 1})
				want := pb.MessageType_MsgAppend
				if !arrived {
					want = pb.MessageType_MsgSnapshot
				}
				require.Equal(t, []pb.MessageType{want}, types(n.settle()))
			})
		})
	}
}

// A node that is busy keeps 128 ticks and drops the others, and Tick waits for
// nothing.
func TestNodeTicksWhileBusy(t *testing.T) {
	for _, c := range []struct {
		ticks, after int
		campaigns    bool
	}{
		{ticks: 100, after: 99, campaigns: false},
		{ticks: 100, after: 100, campaigns: true},
		{ticks: 10_000, after: 71, campaigns: false},
		{ticks: 10_000, after: 72, campaigns: true},
	} {
		t.Run(fmt.Sprintf("%d ticks, then %d", c.ticks, c.after), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := startSole(t, func(c *raft.Config) { c.ElectionTick = 200 }, 1, 2, 3)
				defer n.Stop()
				release, result := n.hold()
				for range c.ticks {
					n.Tick()
				}
				release()
				require.NoError(t, <-result)
				for range c.after {
					synctest.Wait()
					n.Tick()
				}
				synctest.Wait()
				want := uint64(1) // it campaigned when it was held
				if c.campaigns {
					want = 2
				}
				require.Equal(t, want, n.status().Term)
			})
		})
	}
}

// A call ends with its context, before the node has taken it and after. In the
// second case the node has done what was asked all the same.
func TestNodeCallsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startSole(t, nil, 1, 2, 3)
		defer n.Stop()
		release, campaign := n.hold()
		ctx, cancel := context.WithCancel(context.Background())
		calls := map[string]func() error{
			"Campaign":          func() error { return n.Campaign(ctx) },
			"Propose":           func() error { _, _, err := n.Propose(ctx, []byte("a")); return err },
			"ProposeConfChange": func() error { _, _, err := n.ProposeConfChange(ctx, &pb.ConfChange{}); return err },
			"Step":              func() error { return n.Step(ctx, &pb.Message{MsgType: pb.MessageType_MsgHeartbeat, From: 2, Term: 7}) },
			"TransferLeader":    func() error { return n.TransferLeader(ctx, 2) },
			"Status":            func() error { _, err := n.Status(ctx); return err },
		}
		results := map[string]chan error{}
		for name, call := range calls {
			result := make(chan error, 1)
			results[name] = result
			go func() { result <- call() }()
		}
		synctest.Wait()
		cancel()
		for name, result := range results {
			require.Equal(t, context.Canceled, <-result, name)
		}
		release()
		require.NoError(t, <-campaign)
		require.Equal(t, uint64(1), n.status().Term, "the calls that ended before the node took them were never made")

		// Now one that the node has taken.
		gate := make(chan struct{})
		n.storage.gate = gate
		ctx, cancel = context.WithCancel(context.Background())
		taken := make(chan error, 1)
		go func() { taken <- n.Campaign(ctx) }()
		synctest.Wait()
		cancel()
		require.Equal(t, context.Canceled, <-taken)
		close(gate)
		require.Equal(t, uint64(2), n.status().Term, "it was made")
	})
}

// After Stop nothing blocks, and everything that can return an error returns
// ErrStopped. A call that the node had taken before returns what it did.
func TestNodeCallsAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		n := startSole(t, nil, 1, 2, 3)
		release, taken := n.hold()
		stopped := make(chan struct{})
		go func() { n.Stop(); close(stopped) }()
		synctest.Wait()
		select {
		case <-stopped:
			t.Fatal("Stop has returned although the node is in the middle of a call")
		default:
		}
		release()
		<-stopped
		require.NoError(t, <-taken)

		require.Equal(t, raft.ErrStopped, n.Campaign(ctx))
		_, _, err := n.Propose(ctx, []byte("a"))
		require.Equal(t, raft.ErrStopped, err)
		_, _, err = n.ProposeConfChange(ctx, &pb.ConfChange{})
		require.Equal(t, raft.ErrStopped, err)
		require.Equal(t, raft.ErrStopped, n.Step(ctx, &pb.Message{MsgType: pb.MessageType_MsgHeartbeat, From: 2, Term: 7}))
		require.Equal(t, raft.ErrStopped, n.TransferLeader(ctx, 2))
		_, err = n.Status(ctx)
		require.Equal(t, raft.ErrStopped, err)
		require.Nil(t, n.ApplyConfChange(&pb.ConfChange{}))
		n.ReportUnreachable(2)
		n.ReportSnapshot(2, false)
		for range 1000 {
			n.Tick()
		}
		n.Advance()
		n.idle("the node is stopped")
		n.Stop() // again
	})
}

// An application that has taken a Ready and is stopped in the middle of it may
// still call Advance, and the node that was offering one ends as well.
func TestNodeStopsWithAReadyOutstanding(t *testing.T) {
	for _, take := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			n := startSole(t, nil, 1)
			require.NoError(t, n.Campaign(context.Background()))
			if take {
				n.take()
			}
			synctest.Wait()
			n.Stop()
			n.Advance()
		})
	}
}

func TestStartNodeRefusesBadGroups(t *testing.T) {
	_, err := raft.StartNode(memberConfig(1, raft.NewMemoryStorage()), nil)
	require.ErrorContains(t, err, "at least one peer")

	used := raft.NewMemoryStorage()
	require.NoError(t, used.Append(entriesOf(1, 1)))
	_, err = raft.StartNode(memberConfig(1, used), []raft.Peer{{ID: 1}})
	require.ErrorContains(t, err, "a log up to 1")
}
