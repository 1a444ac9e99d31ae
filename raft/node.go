package raft

import (
	"context"
	"sync"

	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// ErrStopped is returned by the methods of a Node that was stopped.
var ErrStopped = errors.New("raft: node was stopped")

// A Node is a RawNode in a goroutine of its own, which takes calls from any
// number of others. Its methods are those of RawNode; see there.
//
// It takes calls at any time, also while the application handles a Ready, and
// does one after the other. A call returns ErrStopped if the node is stopped
// before it takes the call; what a call did that was taken is its result.
//
// One goroutine of the application handles the Readys: it reads one from the
// channel, does what it asks, and calls Advance. There is no other Ready before
// that:
//
//	for {
//		select {
//		case <-ticker.C:
//			n.Tick()
//		case rd := <-n.Ready():
//			save(rd.HardState, rd.Snapshot, rd.Entries) // durable if rd.MustSync
//			send(rd.Messages)
//			apply(rd.Snapshot, rd.CommittedEntries)
//			n.Advance()
//		case <-done:
//			n.Stop()
//			return
//		}
//	}
//
// A store of many groups uses RawNodes instead, and saves the state of many of
// them with one sync.
type Node struct {
	calls    chan func(*RawNode)
	ticks    chan struct{}
	ready    chan Ready
	advanced chan struct{}
	stop     chan struct{} // closed by Stop
	stopOnce sync.Once
	stopped  chan struct{} // closed when the goroutine has ended
}

// StartNode starts the first node of a new group, with peers as its members, on
// an empty storage. Every member must be started with the same peers. It returns
// an error if c is invalid, the storage is not empty, or peers are missing.
func StartNode(c *Config, peers []Peer) (*Node, error) {
	rn, err := NewRawNode(c)
	if err != nil {
		return nil, err
	}
	if err := rn.Bootstrap(peers); err != nil {
		return nil, err
	}
	return newNode(rn), nil
}

// RestartNode starts a node in the state that c.Storage holds; the membership
// comes from there. A node that joins a group that exists is started so too, on
// an empty storage, and learns everything from the leader.
func RestartNode(c *Config) (*Node, error) {
	rn, err := NewRawNode(c)
	if err != nil {
		return nil, err
	}
	return newNode(rn), nil
}

func newNode(rn *RawNode) *Node {
	n := &Node{
		calls: make(chan func(*RawNode)),
		// A node that is busy for a moment must neither lose ticks nor hold
		// up the clock that sends them.
		ticks:    make(chan struct{}, 128),
		ready:    make(chan Ready),
		advanced: make(chan struct{}),
		stop:     make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	go n.run(rn)
	return n
}

// run owns rn. It offers a Ready until the application takes it, and makes the
// next one after Advance: a Ready holds messages and states that rn hands out
// only once.
func (n *Node) run(rn *RawNode) {
	defer close(n.stopped)
	var (
		rd       Ready
		ready    chan Ready    // not nil while rd is on offer
		advanced chan struct{} // not nil while the application has rd
	)
	for {
		if ready == nil && advanced == nil && rn.HasReady() {
			rd = rn.Ready()
			ready = n.ready
		}
		select {
		case call := <-n.calls:
			call(rn)
		case <-n.ticks:
			rn.Tick()
		case ready <- rd:
			ready, advanced = nil, n.advanced
		case <-advanced:
			rn.Advance(rd)
			advanced = nil
		case <-n.stop:
			return
		}
	}
}

// do runs call on the node's goroutine and returns what it returns. The error is
// that of ctx if ctx ends first, and ErrStopped if the node stops first; call may
// have run all the same, or still run, so its result travels through a channel.
func do[T any](ctx context.Context, n *Node, call func(*RawNode) T) (T, error) {
	var zero T
	result := make(chan T, 1)
	select {
	case n.calls <- func(rn *RawNode) { result <- call(rn) }:
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-n.stopped:
		return zero, ErrStopped
	}
	// The goroutine has taken the call, and runs it before it looks at anything
	// else, also at Stop.
	select {
	case v := <-result:
		return v, nil
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}

// doErr is do for a call whose only result is an error.
func (n *Node) doErr(ctx context.Context, call func(*RawNode) error) error {
	err, failed := do(ctx, n, call)
	if failed != nil {
		return failed
	}
	return err
}

// Tick advances the node's clock by one tick. It never blocks: of the ticks
// that a busy node has not taken yet, it keeps 128 and drops the others.
func (n *Node) Tick() {
	select {
	case n.ticks <- struct{}{}:
	default:
	}
}

// Campaign starts an election now.
func (n *Node) Campaign(ctx context.Context) error {
	return n.doErr(ctx, (*RawNode).Campaign)
}

// A proposed is what RawNode.Propose returns.
type proposed struct {
	index, term uint64
	err         error
}

func (n *Node) propose(ctx context.Context, call func(*RawNode) proposed) (index, term uint64, err error) {
	p, err := do(ctx, n, call)
	if err != nil {
		return 0, 0, err
	}
	return p.index, p.term, p.err
}

// Propose appends one entry for each of data to the leader's log; see
// RawNode.Propose. After an error of ctx the entries may have been appended or
// not.
func (n *Node) Propose(ctx context.Context, data ...[]byte) (index, term uint64, err error) {
	return n.propose(ctx, func(rn *RawNode) (p proposed) {
		p.index, p.term, p.err = rn.Propose(data...)
		return p
	})
}

// ProposeConfChange is Propose for a change of membership; see
// RawNode.ProposeConfChange.
func (n *Node) ProposeConfChange(ctx context.Context, cc *pb.ConfChange) (index, term uint64, err error) {
	return n.propose(ctx, func(rn *RawNode) (p proposed) {
		p.index, p.term, p.err = rn.ProposeConfChange(cc)
		return p
	})
}

// Step hands the node a message from another member; see RawNode.Step.
func (n *Node) Step(ctx context.Context, m *pb.Message) error {
	return n.doErr(ctx, func(rn *RawNode) error { return rn.Step(m) })
}

// Ready returns the channel of what is to be done. It is never closed: an
// application that waits for it must also watch for its own end.
func (n *Node) Ready() <-chan Ready { return n.ready }

// Advance tells the node that the Ready taken last has been done. It must be
// called once for each.
func (n *Node) Advance() {
	select {
	case n.advanced <- struct{}{}:
	case <-n.stopped:
	}
}

// ApplyConfChange puts a committed change into effect and returns the new
// membership; see RawNode.ApplyConfChange. It returns nil if the node was
// stopped.
func (n *Node) ApplyConfChange(cc *pb.ConfChange) *pb.ConfState {
	cs, _ := do(context.Background(), n, func(rn *RawNode) *pb.ConfState { return rn.ApplyConfChange(cc) })
	return cs
}

// TransferLeader asks the leader to hand over to the member transferee.
func (n *Node) TransferLeader(ctx context.Context, transferee uint64) error {
	return n.doErr(ctx, func(rn *RawNode) error { rn.TransferLeader(transferee); return nil })
}

// ReportUnreachable tells the node that its last message to id was not sent.
func (n *Node) ReportUnreachable(id uint64) {
	_ = n.doErr(context.Background(), func(rn *RawNode) error { rn.ReportUnreachable(id); return nil })
}

// ReportSnapshot tells the node whether the snapshot sent to id has arrived;
// see RawNode.ReportSnapshot.
func (n *Node) ReportSnapshot(id uint64, arrived bool) {
	_ = n.doErr(context.Background(), func(rn *RawNode) error { rn.ReportSnapshot(id, arrived); return nil })
}

// Status returns a copy of the node's state, or ErrStopped.
func (n *Node) Status(ctx context.Context) (Status, error) {
	return do(ctx, n, (*RawNode).Status)
}

// Stop ends the node's goroutine and waits for it. It may be called more than
// once, and while other calls are under way. A Ready that was not taken is
// lost, as in a crash.
func (n *Node) Stop() {
	n.stopOnce.Do(func() { close(n.stop) })
	<-n.stopped
}
