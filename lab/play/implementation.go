package play

import (
	"github.com/labkv/labkv/lab/rafttest"
	"github.com/labkv/labkv/lab/todo"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// Tree is the Raft of the tree. While RawNode is not written (stage 2AC), its nodes
// are driven without, as the tests of elections and replication do.
type Tree struct{}

// Name implements rafttest.Implementation.
func (Tree) Name() string { return "raft" }

// NewNode implements rafttest.Implementation.
func (Tree) NewNode(c *raft.Config) (rafttest.Node, error) {
	r, err := raft.New(c)
	if err != nil {
		return nil, err
	}
	return treeNode{r}, nil
}

// NewRawNode implements rafttest.Implementation.
func (t Tree) NewRawNode(c *raft.Config) (rafttest.RawNode, error) {
	if hasRawNode() {
		return raft.NewRawNode(c)
	}
	n, err := t.NewNode(c)
	if err != nil {
		return nil, err
	}
	return newBareNode(n, c)
}

type treeNode struct{ *raft.Raft }

// Entries returns the log after the snapshot.
func (n treeNode) Entries() []*pb.Entry {
	log := n.Log()
	var all []*pb.Entry
	for next, last := log.FirstIndex(), log.LastIndex(); next <= last; {
		entries, err := log.Entries(next, last+1, raft.NoLimit)
		if err != nil {
			panic(err)
		}
		if len(entries) == 0 {
			break // what is asked for is there, so this is a mistake that other checks find
		}
		all = append(all, entries...)
		next += uint64(len(entries))
	}
	return all
}

// hasRawNode reports whether RawNode is written.
func hasRawNode() bool {
	_, missing := unwritten(func() {
		n, err := raft.NewRawNode(&raft.Config{
			ID: 1, ElectionTick: 10, HeartbeatTick: 1, Storage: rafttest.NewDisk([]uint64{1}),
			RandIntN: func(int) int { return 0 },
		})
		if err != nil {
			return
		}
		n.HasReady()
		n.Advance(n.Ready())
	})
	return !missing
}

// noLog returns what is to be written before a log can be read (stage 2AB), if it is.
// Some of what fills a log does nothing, rather than panic, until it is written.
func (t Tree) noLog() (todo.Func, bool) {
	return unwritten(func() {
		n, err := t.NewNode(&raft.Config{
			ID: 1, ElectionTick: 10, HeartbeatTick: 1, Storage: rafttest.NewDisk([]uint64{1}, 1),
			RandIntN: func(int) int { return 0 },
		})
		if err == nil {
			n.Entries()
		}
	})
}

// unwritten returns the first function that f calls and that is still to be written, if
// there is one. Another panic is for the run to find.
func unwritten(f func()) (fn todo.Func, missing bool) {
	defer func() {
		if v := recover(); v != nil {
			fn, missing = todo.Recovered(v)
		}
	}()
	f()
	return todo.Func{}, false
}
