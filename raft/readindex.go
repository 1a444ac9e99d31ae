package raft

import (
	"encoding/binary"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A ReadState answers ReadIndex: once everything up to Index is applied, the
// application's state holds whatever was acknowledged, anywhere, before the
// question was asked.
//
//lab:private
type ReadState struct {
	Index   uint64
	Context []byte // as it was given to ReadIndex
}

// reads are the questions of a leader that no majority has answered yet, oldest
// first. They are numbered, and a heartbeat carries the number of the newest: who
// answers it still follows this leader, and confirms all questions up to there.
//
//lab:private
type reads struct {
	last   uint64 // number of the newest
	asked  []read
	states []ReadState // answered, for the next Ready
}

//lab:private
type read struct {
	number uint64
	ReadState
}

// ReadIndex asks for the index that a read which comes now must see applied. The
// answer comes as a ReadState with a later Ready, or never: if this node does not
// lead, or loses its leadership before a majority has confirmed it. The node
// keeps context.
//
//lab:private
func (rn *RawNode) ReadIndex(context []byte) { rn.raft.readIndex(context) }

// readIndex takes the commit index as the answer, to be confirmed by a majority
// that still follows this leader (thesis §6.4). Until the first entry of its own
// term is committed, a leader does not know what is committed: then it is that
// entry which must be waited for.
//
//lab:private
func (r *Raft) readIndex(context []byte) {
	if r.state != StateLeader {
		return
	}
	r.reads.last++
	r.reads.asked = append(r.reads.asked, read{
		number:    r.reads.last,
		ReadState: ReadState{Index: max(r.log.committed, r.termStart), Context: context},
	})
	r.broadcastHeartbeat()
	r.confirmReads()
}

// readContext returns what a heartbeat carries so that its answer confirms the
// reads that are waiting.
//
//lab:private
func (r *Raft) readContext() []byte {
	if len(r.reads.asked) == 0 {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, r.reads.last)
}

// handleReadContext notes that p follows this leader, as of the question in
// the context of its answer.
//
//lab:private
func (r *Raft) handleReadContext(p *Progress, m *pb.Message) {
	if len(m.Context) == 8 {
		p.confirmed = max(p.confirmed, binary.BigEndian.Uint64(m.Context))
		r.confirmReads()
	}
}

// confirmReads answers the questions that a majority has confirmed.
//
//lab:private
func (r *Raft) confirmReads() {
	if len(r.reads.asked) == 0 {
		return
	}
	if p := r.progress(r.id); p != nil {
		p.confirmed = r.reads.last
	}
	number := r.onMajority(func(p *Progress) uint64 { return p.confirmed })
	n := 0
	for n < len(r.reads.asked) && r.reads.asked[n].number <= number {
		r.reads.states = append(r.reads.states, r.reads.asked[n].ReadState)
		n++
	}
	r.reads.asked = r.reads.asked[n:]
}
