package raftstore

import (
	"encoding/binary"

	"github.com/labkv/labkv/raft"
)

// reads are the reads of one peer that were submitted and not answered.
//
// A read must see everything that was acknowledged before it was submitted. A
// leader that asks, after the read came, whether it still leads, and hears so
// from a majority, knows that everything acknowledged until then is at or before
// its commit index of that time (thesis §6.4). Once that is applied, the read can
// be served. One question serves all the reads of a pass.
type reads struct {
	// asked are the questions under way, oldest first.
	asked []question
	// last is the number of the last question.
	last uint64
}

// A question is whether the peer still leads, and what waits for the answer.
type question struct {
	number   uint64
	term     uint64
	commands []*Command
	// index must be applied before commands are served. It is 0 until a
	// majority has answered.
	index uint64
}

// read begins to serve commands.
//
//lab:private
func (p *peer) read(commands []*Command) {
	if len(commands) == 0 {
		return
	}
	rs := &p.reads
	rs.last++
	rs.asked = append(rs.asked, question{number: rs.last, term: p.node.BasicStatus().Term, commands: commands})
	p.node.ReadIndex(binary.BigEndian.AppendUint64(nil, rs.last))
}

// serveReads notes what the majority has answered, and serves what can be
// served. A peer that does not lead any more will get no answer to what it asked, and
// what it waits for may never be applied: it may be an entry that it had appended
// itself, and that is gone from its log.
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
		case q.index != 0 && q.index <= p.applied():
			for _, c := range q.commands {
				snapshot, err := p.store.cfg.KVEngine.Snapshot()
				c.Done(Result{Snapshot: snapshot, Err: err})
			}
		case status.RaftState != raft.StateLeader || status.Term != q.term:
			for _, c := range q.commands {
				c.Done(Result{Err: p.notLeader()})
			}
		default:
			waiting = append(waiting, q)
		}
	}
	clear(rs.asked[len(waiting):])
	rs.asked = waiting
}

// abandon answers all reads with result.
func (rs *reads) abandon(result Result) {
	for _, q := range rs.asked {
		for _, c := range q.commands {
			c.Done(result)
		}
	}
	rs.asked = nil
}
