//go:build variant

// The peer of a right half begins with the next tick of its store, and not at once. The guide
// leaves this free: the new region has a leader within an election timeout all the same.
//
//lab:variant kv/raftstore 3B
package raftstore

import "github.com/labkv/labkv/proto/raftserverpb"

func (a *applier) split(c *raftserverpb.Command) error {
	p, err := a.peer, a.split_original(c)
	effect := a.next.effect
	if err != nil {
		return err
	}
	a.next.effect = func() {
		bearing := p.bearing
		p.bearing = true // until goOn is called after a tick
		effect()
		p.bearing = bearing
	}
	return nil
}
