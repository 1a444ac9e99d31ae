//go:build mutant

// A split that was evaluated and not written, because the disk was full, has announced
// its right half. When the peer of the left half is removed meanwhile, the announcement
// stays: no peer of the right half can ever be created here.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (a *applier) split(c *raftserverpb.Command) error {
	err := a.split_original(c)
	a.peer.expects = nil
	return err
}
