//go:build mutant

// A leader reports its region as soon as it is elected. It knows nothing of the logs of the
// others yet, and names them all as pending.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) reportToScheduler(ticks int) {
	p.report.held = 0
	p.reportToScheduler_original(ticks)
}
