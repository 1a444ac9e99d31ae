package play

import (
	"github.com/labkv/labkv/lab/rafttest"
	"github.com/labkv/labkv/raft"
)

// NewBareNode is newBareNode for tests.
func NewBareNode(impl interface {
	NewNode(*raft.Config) (rafttest.Node, error)
}, c *raft.Config) (rafttest.RawNode, error) {
	n, err := impl.NewNode(c)
	if err != nil {
		return nil, err
	}
	return newBareNode(n, c)
}
