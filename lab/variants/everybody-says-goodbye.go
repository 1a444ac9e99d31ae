//go:build variant

// Each member that has applied a removal tells the removed peer so once the removal is
// durable there, not only the leader. Any member may tell it; the peer goes with the
// first message and ignores the others.
//
//lab:variant kv/raftstore 3B
package raftstore

import (
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

func (p *peer) membersChanged(before, after *metapb.Region) {
	led := p.led
	p.led = region.Peer(after, p.id) != nil
	p.membersChanged_original(before, after)
	p.led = led
}
