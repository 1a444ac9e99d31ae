package raft

// Progress is what a leader knows about the log of one member. The leader keeps
// one for itself too, whose Match is the end of its own log.
type Progress struct {
	// ID is the member.
	ID uint64

	// Match is the highest index up to which the member's log is known to be
	// the leader's. Match < Next.
	Match uint64

	// Next is the index of the next entry to send. Everything between Match
	// and Next is under way, or assumed to be there.
	Next uint64

	// floor is the highest index that an acknowledgement may name which an
	// earlier holder of the id has sent in this term. An acknowledgement up to
	// there moves Next, and never Match. It is 0 for nearly every member; see
	// Raft.removed.
	floor uint64 //lab:private

	// State says how much the leader dares to send.
	State ProgressState //lab:private

	// paused stops a probing leader from sending more until it hears from
	// the member. It may be true in StateProbe only.
	paused bool //lab:private

	// nudge demands one append message even if there is nothing to send, so
	// that the answer shows whether messages got lost.
	nudge bool //lab:private

	// commit is the highest commit index that an append message has told the
	// member, as far as its log reaches.
	commit uint64 //lab:private

	// snapshot is the index of the snapshot under way in StateSnapshot.
	snapshot uint64 //lab:private

	// confirmed is the number of the newest read that the member has
	// confirmed this leader for.
	confirmed uint64 //lab:private

	// inflight are the append messages under way in StateReplicate.
	inflight inflight //lab:private
}

// A ProgressState says how a leader sends to a member.
//
//lab:private
type ProgressState int

const (
	// StateProbe sends one message and waits for the answer, because it is
	// not known where the logs agree.
	StateProbe ProgressState = iota //lab:private
	// StateReplicate sends optimistically, without waiting for answers, up to
	// the in-flight limit.
	StateReplicate //lab:private
	// StateSnapshot sends nothing until the snapshot has arrived or failed.
	StateSnapshot //lab:private
)

//lab:private
func (s ProgressState) String() string {
	return [...]string{"probe", "replicate", "snapshot"}[s]
}

// probe starts over from what is known for certain.
//
//lab:private
func (p *Progress) probe() {
	next := p.Match + 1
	if p.State == StateSnapshot {
		// The member may have the snapshot although no answer said so. The
		// probe after it finds out, and falls back if not.
		next = max(next, p.snapshot+1)
	}
	*p = Progress{ID: p.ID, Match: p.Match, Next: next, floor: p.floor, nudge: true,
		confirmed: p.confirmed, inflight: p.inflight.emptied()}
}

// replicate begins to send optimistically: the logs are known to agree at Match.
//
//lab:private
func (p *Progress) replicate() {
	*p = Progress{ID: p.ID, Match: p.Match, Next: p.Match + 1, floor: p.floor, State: StateReplicate,
		commit: p.commit, confirmed: p.confirmed, inflight: p.inflight.emptied()}
}

// awaitSnapshot stops sending until the snapshot with that index is dealt with.
//
//lab:private
func (p *Progress) awaitSnapshot(index uint64) {
	*p = Progress{ID: p.ID, Match: p.Match, Next: index + 1, floor: p.floor, State: StateSnapshot,
		snapshot: index, confirmed: p.confirmed, inflight: p.inflight.emptied()}
}

// acknowledge notes that the member's log matches up to index, and reports
// whether Match has moved.
//
//lab:private
func (p *Progress) acknowledge(index uint64) bool {
	p.paused = false
	p.Next = max(p.Next, index+1)
	if index <= max(p.Match, p.floor) {
		return false
	}
	p.Match = index
	return true
}

// reject notes that the member does not have the entry at index, and suggests
// to try hint. It reports whether there is anything to send again: an answer
// to a message that was overtaken changes nothing.
//
//lab:private
func (p *Progress) reject(index, hint uint64) bool {
	if p.State == StateReplicate {
		if index <= p.Match {
			return false
		}
		p.probe()
		return true
	}
	if p.State == StateSnapshot || index != p.Next-1 {
		return false
	}
	p.Next = max(min(index, hint+1), p.Match+1)
	p.paused, p.nudge = false, true
	return true
}

// sent notes an append message with n entries, told commit index commit.
//
//lab:private
func (p *Progress) sent(n int, commit uint64) {
	p.nudge = false
	switch p.State {
	case StateProbe:
		p.paused = true
		p.commit = min(commit, p.Next-1+uint64(n))
	case StateReplicate:
		p.Next += uint64(n)
		p.commit = min(commit, p.Next-1)
		if n > 0 {
			p.inflight.add(p.Next - 1)
		}
	}
}

// An inflight holds the last indexes of the append messages that have not been
// answered, oldest first. A queue that empties often and is bounded by the
// in-flight limit is a slice with a moving head.
//
//lab:private
type inflight struct {
	last []uint64
	head int
}

//lab:private
func (f *inflight) len() int { return len(f.last) - f.head }

//lab:private
func (f *inflight) add(index uint64) {
	if f.head > 0 && len(f.last) == cap(f.last) {
		f.last = f.last[:copy(f.last, f.last[f.head:])]
		f.head = 0
	}
	f.last = append(f.last, index)
}

// answered drops the messages whose entries are all at or before index.
//
//lab:private
func (f *inflight) answered(index uint64) {
	for f.head < len(f.last) && f.last[f.head] <= index {
		f.head++
	}
	if f.head == len(f.last) {
		*f = f.emptied()
	}
}

// freeOne drops the oldest message: it may have been lost.
//
//lab:private
func (f *inflight) freeOne() {
	if f.len() > 0 {
		f.head++
	}
}

//lab:private
func (f inflight) emptied() inflight { return inflight{last: f.last[:0]} }
