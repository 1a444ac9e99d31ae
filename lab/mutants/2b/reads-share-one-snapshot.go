//go:build mutant

// The reads that share a question also share a snapshot. The first of them that is
// done closes it under the others.
//
//lab:mutant 2B kv/raftstore
package raftstore

import "github.com/labkv/labkv/raft"

func (p *peer) serveReads(answers []raft.ReadState) {
	for i := range p.reads.asked {
		commands := p.reads.asked[i].commands
		if len(commands) < 2 {
			continue
		}
		together := &Command{Context: commands[0].Context, Done: func(r Result) {
			for _, c := range commands {
				c.Done(r)
			}
		}}
		p.reads.asked[i].commands = []*Command{together}
	}
	p.serveReads_original(answers)
}
