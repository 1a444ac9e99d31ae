package raft

import (
	"fmt"
	"slices"

	"github.com/pingcap/errors"
)

// An invariant is a sentence that is true of a node after every call. The code of
// this package relies on it without asking.
type invariant struct {
	says   string
	source string // where the reason is

	// broken returns the values that contradict the sentence, or nothing. It
	// may rely on the invariants before it. It looks at a few terms and at each
	// member, and allocates nothing as long as the sentence is true.
	broken func(rn *RawNode) string
}

// CheckInvariants returns an error if the node is in a state that no node may be
// in. The error names the sentence that is not true, and the values. A mistake
// shows here at the call that made it, long before it does harm.
func (rn *RawNode) CheckInvariants() error { return rn.check(invariants) }

// check returns an error that names the first of list that is not true.
func (rn *RawNode) check(list []invariant) error {
	for i := range list {
		if found := list[i].broken(rn); found != "" {
			return errors.Errorf("raft: node %d breaks the invariant %q (%s): %s",
				rn.raft.id, list[i].says, list[i].source, found)
		}
	}
	return nil
}

// invariants are true of every right solution.
var invariants = []invariant{
	{
		// What is applied was committed first, and what is committed is in
		// the log: otherwise an entry was lost that a client was promised.
		says:   "applied <= committed <= last",
		source: "Raft Figure 2",
		broken: func(rn *RawNode) string {
			l := rn.raft.log
			if l.applied <= l.committed && l.committed <= l.LastIndex() {
				return ""
			}
			return fmt.Sprintf("applied %d, committed %d, last %d", l.applied, l.committed, l.LastIndex())
		},
	},
	{
		// An entry has the term of the leader that made it, and came in a
		// message of that term or a later one, which the node has adopted.
		says:   "terms never decrease along the log, and end at the node's term or before",
		source: "Raft §5.1, §5.3",
		broken: func(rn *RawNode) string {
			l := rn.raft.log
			// Of a compacted entry, Term returns 0.
			committed, _ := l.Term(l.committed)
			last, _ := l.Term(l.LastIndex())
			if committed <= last && last <= rn.raft.term {
				return ""
			}
			return fmt.Sprintf("term %d at commit index %d, term %d at last index %d, the node is in term %d",
				committed, l.committed, last, l.LastIndex(), rn.raft.term)
		},
	},
	{
		// Its own vote is one of the majority that elects it; given to
		// another as well, it would elect two leaders in a term.
		says:   "a candidate and a leader have voted for themselves",
		source: "Raft §5.2",
		broken: func(rn *RawNode) string {
			r := rn.raft
			if r.state == StateFollower || r.vote == r.id {
				return ""
			}
			return fmt.Sprintf("%v of term %d, vote %d", r.state, r.term, r.vote)
		},
	},
	{
		// The order decides in which order messages leave, so it must be the
		// same in every run. And each member counts once.
		says:   "members are in ascending order of their ids, which are not None",
		source: "thesis §4.1",
		broken: func(rn *RawNode) string {
			before := None
			for _, p := range rn.raft.members {
				if p.ID <= before {
					return fmt.Sprintf("%d comes after %d", p.ID, before)
				}
				before = p.ID
			}
			return ""
		},
	},
	{
		// A node that is not a member does not count. (A leader that was
		// removed may lead until its next heartbeat has said so.)
		says:   "a candidate is a member",
		source: "thesis §4.2.2",
		broken: func(rn *RawNode) string {
			r := rn.raft
			if r.state != StateCandidate || r.progress(r.id) != nil {
				return ""
			}
			return fmt.Sprintf("%v of a group with the members %v", r.state, r.confState().Nodes)
		},
	},
	{
		// A term has one leader, and SoftState tells the application which.
		says:   "a leader names itself as the leader",
		source: "Raft §5.2",
		broken: func(rn *RawNode) string {
			r := rn.raft
			if r.state != StateLeader || r.lead == r.id {
				return ""
			}
			return fmt.Sprintf("it names %d", r.lead)
		},
	},
	{
		// What is known to be there is never sent again, and what does not
		// exist is never sent.
		says:   "of each member, a leader knows Match < Next <= last+1",
		source: "Raft §5.3",
		broken: func(rn *RawNode) string {
			r := rn.raft
			if r.state != StateLeader {
				return ""
			}
			last := r.log.LastIndex()
			for _, p := range r.members {
				if p.Match >= p.Next || p.Next > last+1 {
					return fmt.Sprintf("member %d: match %d, next %d, last %d", p.ID, p.Match, p.Next, last)
				}
			}
			return ""
		},
	},
}

// The init function adds what is true of this solution's own fields, so that the
// list of a student's solution ends above.
//
//lab:private
func init() { invariants = append(invariants, ownInvariants...) }

//lab:private
var ownInvariants = []invariant{
	// The log.
	{
		// Everything that storage lacks is in memory, without a gap.
		says:   "entries hold [offset, last], and offset-1 <= stable <= last",
		source: "Log",
		broken: func(rn *RawNode) string {
			l := rn.raft.log
			n := len(l.entries)
			ends := n == 0 || l.entries[0].Index == l.offset && l.entries[n-1].Index == l.LastIndex()
			if ends && l.offset <= l.stable+1 && l.stable <= l.LastIndex() && (l.bytes == 0) == (n == 0) {
				return ""
			}
			return fmt.Sprintf("offset %d, stable %d, last %d, %d entries of %d bytes", l.offset, l.stable, l.LastIndex(), n, l.bytes)
		},
	},
	{
		// Nothing before it exists, and it waits to be applied.
		says:   "a snapshot from the leader ends just before offset, and after applied",
		source: "Raft §7",
		broken: func(rn *RawNode) string {
			l := rn.raft.log
			index := l.snapshot.GetMetadata().GetIndex()
			if l.snapshot == nil || index+1 == l.offset && l.applied < index {
				return ""
			}
			return fmt.Sprintf("snapshot %d, offset %d, applied %d", index, l.offset, l.applied)
		},
	},
	{
		// HardState is handed out when it changes; what is ahead of the node
		// on disk would come back after a crash.
		says:   "the hard state that was handed out is not ahead of the node's",
		source: "Ready",
		broken: func(rn *RawNode) string {
			now := rn.raft.hardState()
			if rn.hard.term <= now.term && rn.hard.commit <= now.commit {
				return ""
			}
			return fmt.Sprintf("handed out: term %d, commit %d; now: term %d, commit %d", rn.hard.term, rn.hard.commit, now.term, now.commit)
		},
	},

	// The clock and the election.
	{
		// A clock past its alarm is one whose alarm was missed.
		says:   "each clock is before its alarm, and that of an election is in [electionTimeout, 2*electionTimeout)",
		source: "Raft §5.2",
		broken: func(rn *RawNode) string {
			r := rn.raft
			alarm := r.randomizedElectionTimeout
			drawn := r.electionTimeout <= alarm && alarm < 2*r.electionTimeout
			if r.state == StateLeader {
				alarm = r.electionTimeout // of a transfer
			}
			if drawn && r.electionElapsed < alarm && r.heartbeatElapsed < r.heartbeatTimeout {
				return ""
			}
			return fmt.Sprintf("%v, election %d of %d ticks (timeout %d), heartbeat %d of %d",
				r.state, r.electionElapsed, r.randomizedElectionTimeout, r.electionTimeout, r.heartbeatElapsed, r.heartbeatTimeout)
		},
	},
	{
		// The answer that makes a majority ends the election at once.
		says:   "only a candidate counts votes: its own is among them, and no majority for or against it",
		source: "Raft §5.2",
		broken: func(rn *RawNode) string {
			r := rn.raft
			yes := 0
			for _, granted := range r.votes {
				if granted {
					yes++
				}
			}
			no := len(r.votes) - yes
			counts := r.votes != nil
			if counts == (r.state == StateCandidate) && (!counts || r.votes[r.id] && yes < r.quorum() && no < r.quorum()) {
				return ""
			}
			return fmt.Sprintf("%v, votes %v, a majority is %d", r.state, r.votes, r.quorum())
		},
	},
	{
		// It has given up on the leader of the term before, and its own term
		// has none yet.
		says:   "a candidate knows no leader",
		source: "Raft §5.2",
		broken: func(rn *RawNode) string {
			r := rn.raft
			if r.state != StateCandidate || r.lead == None {
				return ""
			}
			return fmt.Sprintf("it names %d", r.lead)
		},
	},

	// What a leader commits.
	{
		// Counting copies proves nothing before an entry of the own term is
		// there to be counted.
		says:   "a leader has an entry of its own term at termStart, and only earlier terms before",
		source: "Raft §5.4.2, §8",
		broken: func(rn *RawNode) string {
			r := rn.raft
			if r.state != StateLeader {
				return ""
			}
			// Of a compacted entry, Term returns 0.
			before, _ := r.log.Term(r.termStart - 1)
			term, err := r.log.Term(r.termStart)
			if before < r.term && (term == r.term || errors.Cause(err) == ErrCompacted) {
				return ""
			}
			return fmt.Sprintf("the leader of term %d began at %d: term %d before, term %d there", r.term, r.termStart, before, term)
		},
	},
	{
		// An entry is on the leader as soon as it is appended.
		says:   "a leader matches the whole of its own log",
		source: "Progress",
		broken: func(rn *RawNode) string {
			r := rn.raft
			p := r.progress(r.id)
			if r.state != StateLeader || p.Match == r.log.LastIndex() {
				return ""
			}
			return fmt.Sprintf("match %d, last %d", p.Match, r.log.LastIndex())
		},
	},
	{
		// Whatever makes a majority of copies, an acknowledgement or a smaller
		// group, commits at once: there may be no later occasion.
		says:   "no entry of a leader's term is on a majority and not committed",
		source: "Raft §5.3, thesis §4.1",
		broken: func(rn *RawNode) string {
			r := rn.raft
			if r.state != StateLeader {
				return ""
			}
			index := r.onMajority(func(p *Progress) uint64 { return p.Match })
			if index <= r.log.committed || !r.log.matches(index, r.term) {
				return ""
			}
			return fmt.Sprintf("entry %d of term %d is on a majority, committed is %d", index, r.term, r.log.committed)
		},
	},
	{
		// The same for reads.
		says:   "a read that waits is a leader's, and a majority has not confirmed it",
		source: "thesis §6.4",
		broken: func(rn *RawNode) string {
			r := rn.raft
			asked := r.reads.asked
			if len(asked) == 0 {
				return ""
			}
			oldest, newest := asked[0].number, asked[len(asked)-1].number
			confirmed := r.onMajority(func(p *Progress) uint64 { return p.confirmed })
			if r.state == StateLeader && confirmed < oldest && oldest+uint64(len(asked)) == newest+1 && newest == r.reads.last {
				return ""
			}
			return fmt.Sprintf("%v, %d reads wait, numbered from %d to %d, the newest was %d; a majority has confirmed %d",
				r.state, len(asked), oldest, newest, r.reads.last, confirmed)
		},
	},

	// What a leader knows of the others.
	{
		// Each state has fields of its own, and its own way to hear that
		// something got lost. Left over from another state, a field would
		// stop the sending for good.
		says:   "paused, inflight and snapshot are empty, but for the one of the member's state",
		source: "ProgressState",
		broken: func(rn *RawNode) string {
			for _, p := range rn.raft.members {
				if p.paused && p.State != StateProbe ||
					p.inflight.len() > 0 && p.State != StateReplicate ||
					p.snapshot != 0 && p.State != StateSnapshot {
					return fmt.Sprintf("member %d: %v, paused %v, %d in flight, snapshot %d", p.ID, p.State, p.paused, p.inflight.len(), p.snapshot)
				}
			}
			return ""
		},
	},
	{
		// The limit bounds the memory that a member which sleeps can cost.
		says:   "messages in flight are within the limit, in order, and end in (Match, Next)",
		source: "inflight",
		broken: func(rn *RawNode) string {
			for _, p := range rn.raft.members {
				under := p.inflight.last[p.inflight.head:]
				if n := len(under); n == 0 || n <= rn.raft.maxInflight && slices.IsSorted(under) && p.Match < under[0] && under[n-1] < p.Next {
					continue
				}
				return fmt.Sprintf("member %d: match %d, next %d, in flight %v of %d", p.ID, p.Match, p.Next, under, rn.raft.maxInflight)
			}
			return ""
		},
	},
	{
		// A member can be told only what is decided, and confirm only what
		// was asked.
		says:   "what a member was told is committed, what it confirmed was asked, what it awaits is before Next",
		source: "Progress",
		broken: func(rn *RawNode) string {
			r := rn.raft
			for _, p := range r.members {
				if p.commit > r.log.committed || p.confirmed > r.reads.last || p.snapshot >= p.Next {
					return fmt.Sprintf("member %d: told %d of %d, confirmed %d of %d, snapshot %d, next %d",
						p.ID, p.commit, r.log.committed, p.confirmed, r.reads.last, p.snapshot, p.Next)
				}
			}
			return ""
		},
	},

	// What a leader is about to change.
	{
		// Proposals are refused meanwhile: a transfer that nothing can end
		// would stop the group.
		says:   "only a leader hands over, and to another member",
		source: "thesis §3.10",
		broken: func(rn *RawNode) string {
			r := rn.raft
			to := r.leadTransferee
			if to == None || r.state == StateLeader && to != r.id && r.progress(to) != nil {
				return ""
			}
			return fmt.Sprintf("%v, handing over to %d, members %v", r.state, to, r.confState().Nodes)
		},
	},
	{
		// It bounds an entry of the log. Past the end, it would refuse
		// changes without end.
		says:   "only a leader has a membership change pending, in its log",
		source: "thesis §4.1",
		broken: func(rn *RawNode) string {
			r := rn.raft
			if r.pendingConfIndex == 0 || r.state == StateLeader && r.pendingConfIndex <= r.log.LastIndex() {
				return ""
			}
			return fmt.Sprintf("%v, pending up to %d, last %d", r.state, r.pendingConfIndex, r.log.LastIndex())
		},
	},
	{
		// What an earlier holder of the id may have acknowledged never
		// counts; and the log goes on past it, or the member never would.
		says:   "a member's floor is that of its removal, below its Match and below the end of the log",
		source: "Raft.removed",
		broken: func(rn *RawNode) string {
			r := rn.raft
			for _, p := range r.members {
				if p.floor == 0 || r.state != StateLeader {
					continue
				}
				if p.floor != r.removed[p.ID] || p.Match != 0 && p.Match <= p.floor || p.floor >= r.log.LastIndex() {
					return fmt.Sprintf("member %d: floor %d, match %d, removed at %d, last %d", p.ID, p.floor, p.Match, r.removed[p.ID], r.log.LastIndex())
				}
			}
			return ""
		},
	},
}
