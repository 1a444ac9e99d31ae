//go:build mutant

// Every peer reports its region, not the leader alone.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) reportToScheduler(ticks int) {
	led := p.led
	p.led = p.isMember() && p.isInitialized()
	p.reportToScheduler_original(ticks)
	p.led = led
}
