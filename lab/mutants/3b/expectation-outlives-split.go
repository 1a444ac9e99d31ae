//go:build mutant

// A split whose peer ends before the split is written leaves the right half expected
// forever: no message can create it.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (a *applier) split(c *raftserverpb.Command) error {
	err := a.split_original(c)
	a.peer.expects = nil
	return err
}
