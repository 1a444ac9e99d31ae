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
// all the reads that came while the question before it was under way: with many
// clients, that is many reads for one round of messages. A read waits for two
// rounds at most.
type reads struct {
	// asked are the questions under way, oldest first.
	asked []question
	// last is the number of the last question.
	last uint64
	// waiting are the reads for the next question.
	waiting []*Read
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

// read takes reads that came together.
//
//lab:implement 2B
func (p *peer) read(reads []*Read) {
	for _, r := range reads {
		if err := p.check(r.Context); err != nil {
			r.Done(nil, err)
			continue
		}
		p.reads.waiting = append(p.reads.waiting, r)
	}
	p.ask()
}

// ask asks one question for the reads that wait, unless no majority has answered
// the last question yet. The reads must not share that one: the answers may have
// been given before they came.
//
//lab:private
func (p *peer) ask() {
	rs := &p.reads
	if n := len(rs.asked); len(rs.waiting) == 0 || n > 0 && rs.asked[n-1].index == 0 {
		return
	}
	rs.last++
	rs.asked = append(rs.asked, question{number: rs.last, term: p.node.BasicStatus().Term, reads: rs.waiting})
	rs.waiting = nil
	p.node.ReadIndex(binary.BigEndian.AppendUint64(nil, rs.last))
}

// serveReads notes which questions a majority has answered, serves the reads
// that can be served, and asks for those that wait. A peer that no longer leads
// refuses the others: it gets no answer to its questions, and the entries that
// its reads wait for may never be applied, because they may be entries that it
// has appended itself and that its log has lost since.
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
	open := rs.asked[:0]
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
			open = append(open, q)
		}
	}
	clear(rs.asked[len(open):])
	rs.asked = open
	if status.RaftState != raft.StateLeader {
		for _, r := range rs.waiting {
			r.Done(nil, p.notLeader())
		}
		rs.waiting = nil
	}
	p.ask()
}

// abandon answers all reads with err.
func (rs *reads) abandon(err error) {
	for _, q := range rs.asked {
		for _, r := range q.reads {
			r.Done(nil, err)
		}
	}
	for _, r := range rs.waiting {
		r.Done(nil, err)
	}
	rs.asked, rs.waiting = nil, nil
}
