//go:build mutant

// A restarted node compares its state with nothing instead of with what it has
// just read from storage, so its first Ready asks to save a hard state that is
// there already. Every group of a store wakes up with a write that changes
// nothing, and a node with nothing to do says that it has a Ready.
//
//lab:mutant 2AC raft
package raft

func NewRawNode(c *Config) (*RawNode, error) {
	r, err := New(c)
	if err != nil {
		return nil, err
	}
	return &RawNode{raft: r}, nil
}
