//go:build mutant

// Raft hears of a change of the members that was refused as if it had been made: it
// counts members that the region does not have, or no longer counts some that it has.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (a *applier) changeMembers(e *eraftpb.Entry) error {
	p := a.peer
	err := a.changeMembers_original(e)
	if err != nil {
		cc := &eraftpb.ConfChange{}
		a.decode(e, e.Data, cc)
		a.next.effect = func() { p.node.ApplyConfChange(cc) }
	}
	return err
}
