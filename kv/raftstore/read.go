package raftstore

import (
	"encoding/binary"

	"github.com/labkv/labkv/raft"
)

// reads are the reads of one peer that were submitted and are not answered yet.
//
// A read must see every write that was acknowledged before it was submitted.
// After the read has come, the leader notes its commit index and asks the
// members whether it still leads. If a majority confirms it, every write that
// was acknowledged before the question is at or before that index (thesis
// §6.4). Once the index is applied, the read can be served. One question serves
// all the reads of a pass.
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

// read asks one question for reads that came together.
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

// serveReads notes which questions a majority has answered, and serves the
// reads that can be served. A peer that no longer leads refuses the others: it
// gets no answer to its questions, and the entries that its reads wait for may
// never be applied, because they may be entries that it has appended itself and
// that its log has lost since.
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
