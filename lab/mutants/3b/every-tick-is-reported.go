//go:build mutant

// A leader reports its region with every tick.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) reportToScheduler(ticks int) {
	p.report.ticks += p.store.cfg.RegionHeartbeatTicks
	p.reportToScheduler_original(ticks)
}
