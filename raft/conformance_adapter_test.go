package raft_test

import (
	"testing"

	"github.com/labkv/labkv/lab/rafttest"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// labkv lets the conformance suite drive this package.
type labkv struct{}

func (labkv) Name() string { return "labkv" }

func (labkv) NewNode(c *raft.Config) (rafttest.Node, error) {
	r, err := raft.New(c)
	return node{r}, err
}

func (labkv) NewRawNode(c *raft.Config) (rafttest.RawNode, error) {
	return raft.NewRawNode(c)
}

type node struct{ *raft.Raft }

func (n node) Entries() []*pb.Entry {
	log := n.Log()
	var all []*pb.Entry
	for next, last := log.FirstIndex(), log.LastIndex(); next <= last; {
		entries, err := log.Entries(next, last+1, raft.NoLimit)
		if err != nil {
			panic(err)
		}
		all = append(all, entries...)
		next += uint64(len(entries))
	}
	return all
}

func conform(t *testing.T) {
	t.Helper()
	rafttest.Run(t, labkv{})
}
