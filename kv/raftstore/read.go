package raftstore

import (
	"encoding/binary"

	"github.com/labkv/labkv/raft"
)

// reads are the reads of one peer that were submitted and not answered.
//
// A read must see everything that was acknowledged before it was submitted. If a
// leader asks, after the read came, whether it still leads, and hears so from a
// majority, then everything that was acknowledged until then is at or before its
// commit index of that time (thesis §6.4). Once that index is applied, the read
// can be served. One question serves all the reads of a pass.
type reads struct {
	// asked are the questions under way, oldest first.
	asked []question
	// last is the number of the last question.
	last uint64
}

// A question is one round of the read-index protocol, with the reads that wait
// for its outcome.
type question struct {
	number uint64
	term   uint64
	reads  []*Read
	// index must be applied before the reads are served. It is 0 until a
	// majority has answered.
	index uint64
}

// read begins to serve reads that came together.
//
//lab:implement 2B
func (p *peer) read(reads []*Read) {
	var taken []*Read
	for _, r := range reads {
		if err := p.check(r.Context); err != nil {
			r.Done(nil, err)
			continue
		}
		taken = append(taken, r)
	}
	if len(taken) == 0 {
		return
	}
	rs := &p.reads
	rs.last++
	rs.asked = append(rs.asked, question{number: rs.last, term: p.node.BasicStatus().Term, reads: taken})
	p.node.ReadIndex(binary.BigEndian.AppendUint64(nil, rs.last))
}

// serveReads notes what the majority has answered, and serves the reads that can
// be served. A peer that no longer leads gets no answer to its questions, and
// the entries that its reads wait for may never be applied: they may be entries
// that it has appended itself, and that its log has lost.
//
//lab:private
func (p *peer) serveReads(answers []raft.ReadState) {
	rs := &p.reads
	for _, a := range answers {
		number := binary.BigEndian.Uint64(a.Context)
		for i := range rs.asked {
			if rs.asked[i].number == number {
				rs.asked[i].index = a.Index
			}
		}
	}
	waiting := rs.asked[:0]
	status := p.node.BasicStatus()
	for _, q := range rs.asked {
		switch {
		case q.index != 0 && q.index <= p.appliedIndex():
			for _, r := range q.reads {
				p.serve(r)
			}
		case status.RaftState != raft.StateLeader || status.Term != q.term:
			for _, r := range q.reads {
				r.Done(nil, p.notLeader())
			}
		default:
			waiting = append(waiting, q)
		}
	}
	clear(rs.asked[len(waiting):])
	rs.asked = waiting
}

// abandon answers all reads with err.
func (rs *reads) abandon(err error) {
	for _, q := range rs.asked {
		for _, r := range q.reads {
			r.Done(nil, err)
		}
	}
	rs.asked = nil
}
