//go:build mutant

// A store that leads again proposes once more what it proposed in an earlier
// term and does not know the outcome of. But the old entry may still be in the
// log, and is committed with the new ones: the write takes effect twice.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/raft"
)

var errMakeAgain = errors.New("make the proposal again")

func (p *peer) propose(writes []*Write) {
	for _, w := range writes {
		done := w.done
		w.done = func(err error) {
			if err != errMakeAgain {
				done(err)
				return
			}
			if index, term, err := p.node.Propose(w.data); err != nil {
				done(p.refusal(err))
			} else {
				p.proposals.add(proposal{index: index, term: term, done: w.done})
			}
		}
	}
	p.propose_original(writes)
}

func (p *peer) takeReady() {
	if s := p.node.BasicStatus(); p.task == nil && s.RaftState == raft.StateLeader {
		ps := &p.proposals
		var old []proposal
		for len(ps.queue) > 0 && ps.queue[0].term < s.Term {
			old = append(old, ps.queue[0])
			ps.queue = ps.queue[1:]
		}
		for _, o := range old {
			o.done(errMakeAgain)
		}
	}
	p.takeReady_original()
}
