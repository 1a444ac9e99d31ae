//go:build mutant

// After the write the state in memory is replaced only if the Ready had
// entries. A vote without entries is on the disk, but the next write puts the
// older one over it.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (p *peer) saved() {
	if len(p.task.rd.Entries) > 0 {
		p.storage.state = p.task.logState
	}
	p.send(p.task.rd.Messages)
}
