//go:build mutant

// A leader reports a change of its region with the next regular report.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) reportToScheduler(ticks int) {
	p.report.due = false
	p.reportToScheduler_original(ticks)
}
