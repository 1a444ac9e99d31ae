package raft

import (
	"encoding/binary"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A ReadState answers ReadIndex: once everything up to Index is applied, the
// application's state holds every write that was acknowledged, anywhere, before
// ReadIndex was called.
//
//lab:private
type ReadState struct {
	Index   uint64
	Context []byte // as it was given to ReadIndex
}

// reads are the reads of a leader that no majority has confirmed yet, oldest
// first. They are numbered, and a heartbeat carries the number of the newest: a
// member that answers it still follows this leader, and confirms all reads up
// to there.
//
//lab:private
type reads struct {
	last   uint64 // number of the newest
	asked  []read
	states []ReadState // confirmed, for the next Ready
}

//lab:private
type read struct {
	number uint64
	ReadState
}

// ReadIndex asks for the index that must be applied before a read which begins
// now. The answer is a ReadState in a later Ready. There is none if this node
// is not the leader, or loses its leadership before a majority has confirmed
// it. The node keeps context.
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

// handleReadContext notes that p has followed this leader since the read in the
// context of its answer was asked.
//
//lab:private
func (r *Raft) handleReadContext(p *Progress, m *pb.Message) {
	if len(m.Context) == 8 {
		p.confirmed = max(p.confirmed, binary.BigEndian.Uint64(m.Context))
		r.confirmReads()
	}
}

// confirmReads answers the reads that a majority has confirmed.
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
