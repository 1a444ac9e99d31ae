//go:build mutant

// A leader that heard from a majority a moment ago serves reads from its own
// data: no other peer can have been elected meanwhile. That is true only if all
// clocks run alike, and if what it heard was not on its way for long.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// A lease is what a leader has heard in its term. beats counts the heartbeats that it
// has sent, and heard says at which of them each member last answered.
type lease struct {
	term  uint64
	beats int
	heard map[uint64]int
}

var leases = map[*peer]*lease{}

func leaseOf(p *peer) *lease {
	status := p.node.BasicStatus()
	if status.RaftState != raft.StateLeader {
		delete(leases, p)
		return nil
	}
	if l := leases[p]; l == nil || l.term != status.Term {
		leases[p] = &lease{term: status.Term, beats: 10, heard: map[uint64]int{}}
	}
	return leases[p]
}

func (p *peer) step(m *raftserverpb.RaftMessage) {
	p.step_original(m)
	if l := leaseOf(p); l != nil && m.Message.MsgType == eraftpb.MessageType_MsgHeartbeatResponse && m.Message.Term == l.term {
		l.heard[m.Message.From] = l.beats
	}
}

func (p *peer) takeReady() {
	before := p.task
	p.takeReady_original()
	l := leaseOf(p)
	if l == nil || p.task == nil || p.task == before {
		return
	}
	for _, m := range p.task.rd.Messages {
		if m.MsgType == eraftpb.MessageType_MsgHeartbeat {
			l.beats++
			return
		}
	}
}

func (p *peer) read(reads []*Read) {
	l := leaseOf(p)
	if l == nil || p.appliedIndex() < p.node.BasicStatus().Commit || p.storage.applied.AppliedTerm != l.term {
		p.read_original(reads)
		return
	}
	recent := 1 // itself
	for _, at := range l.heard {
		if at+3 > l.beats {
			recent++
		}
	}
	if 2*recent <= len(p.region().Peers) {
		p.read_original(reads)
		return
	}
	for _, r := range reads {
		if err := p.check(r.Context); err != nil {
			r.Done(nil, err)
			continue
		}
		p.serve(r)
	}
}
