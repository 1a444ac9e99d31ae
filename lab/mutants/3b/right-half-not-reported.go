//go:build mutant

// Only the left half of a split reports itself to the scheduler: the right one
// waits for the next regular report.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) reportToScheduler(ticks int) {
	if p.appliedIndex() <= firstIndex+1 {
		p.report.due = false
	}
	p.reportToScheduler_original(ticks)
}
