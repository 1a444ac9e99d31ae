//go:build variant

// A leader that has removed a peer does not tell it. The peer finds out when it asks: it
// has applied its removal, or it campaigns, and a member answers.
//
//lab:variant kv/raftstore 3B
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (p *peer) membersChanged(before, after *metapb.Region) {
	led := p.led
	p.led = false
	p.membersChanged_original(before, after)
	p.led = led
}
