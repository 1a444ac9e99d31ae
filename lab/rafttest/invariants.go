package rafttest

import (
	"fmt"
	"slices"
	"time"

	"github.com/labkv/labkv/lab/graded"
	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// A rule is a guarantee that is checked after every step of a schedule.
type rule int

const (
	electionSafety rule = iota + 1
	knowsTheLeader
	leaderStays
	oneVote
	goesForward
	durableFirst
	leaderAppendOnly
	logMatching
	acknowledgesTheSame
	leaderCompleteness
	stateMachineSafety
	commitsWithMajority
	commitsOwnTerm
	commitsTheCommitted
	readyHolds
	appliesInOrder
	commitsTheProposed
	oneChangeAtATime
	membersAgree
	staysConsistent
	restarts
	endsWork
	comesToRest
	recovers
	noPanic
)

// claim returns what the rule says, and where it comes from.
func (r rule) claim() graded.Claim { return claims[r] }

func (r rule) String() string { return claims[r].Text }

var claims = map[rule]graded.Claim{
	electionSafety:      {Text: "at most one node leads a term", Source: "Raft §5.2"},
	knowsTheLeader:      {Text: "a node names as leader only the leader of its term", Source: "Raft §5.2, the Ready contract"},
	leaderStays:         {Text: "a leader whose heartbeats arrive stays the leader", Source: "Raft §5.2"},
	oneVote:             {Text: "a node votes for at most one candidate in a term, also across a crash", Source: "Raft §5.2"},
	goesForward:         {Text: "term, commit index and applied index never go back, and applied never passes commit", Source: "Raft Figure 2"},
	durableFirst:        {Text: "no message leaves before what it promises is on disk", Source: "Raft Figure 2, the Ready contract"},
	leaderAppendOnly:    {Text: "a leader never replaces or deletes entries of its log, it only appends", Source: "Raft §5.3"},
	logMatching:         {Text: "two logs that have an entry with the same index and term are identical up to there", Source: "Raft §5.3"},
	acknowledgesTheSame: {Text: "a node acknowledges a log only as far as its own is the same", Source: "Raft §5.3"},
	leaderCompleteness:  {Text: "a leader has every entry that was committed in an earlier term", Source: "Raft §5.4"},
	stateMachineSafety:  {Text: "what one node applies at an index, no node ever applies differently", Source: "Raft §5.4.3"},
	commitsWithMajority: {Text: "an entry is committed only once a majority of the members stores it", Source: "Raft §5.3"},
	commitsOwnTerm:      {Text: "a leader counts copies only for entries of its own term", Source: "Raft §5.4.2"},
	commitsTheCommitted: {Text: "a node takes as committed only what a leader has committed", Source: "Raft §5.3"},
	readyHolds:          {Text: "a Ready holds what has changed and is not saved, all of it and nothing else", Source: "the Ready contract"},
	appliesInOrder:      {Text: "committed entries are handed out once, in order, and saved before they are applied", Source: "the Ready contract"},
	commitsTheProposed:  {Text: "a log holds what was proposed and not refused, holds it once, and where the leader said", Source: "Raft §5.3; the contract of Propose"},
	oneChangeAtATime:    {Text: "a leader appends no membership change while an earlier one is not committed", Source: "thesis §4.1"},
	membersAgree:        {Text: "nodes that have applied the same entries have the same members", Source: "the contract of ApplyConfChange"},
	staysConsistent:     {Text: "what a node knows does not contradict itself", Source: "the comments in raft/invariants.go"},
	restarts:            {Text: "a node continues from what it has saved", Source: "Raft Figure 2"},
	endsWork:            {Text: "a node that nothing happens to runs out of work", Source: "the Ready contract"},
	comesToRest:         {Text: "nodes stop sending each other what they have sent before", Source: "Raft §5.3; the guide, Part A, Log replication"},
	recovers:            {Text: "once everything is well again, the group elects a leader, commits, and all logs become equal", Source: "Raft §5.3, §5.6"},
	noPanic:             {Text: "no order of calls that the Ready contract allows makes a node panic", Source: "the Ready contract"},
}

// A violation is a rule that was broken.
type violation struct {
	rule  rule
	at    time.Duration
	node  uint64 // 0: none in particular
	term  uint64
	index uint64
	found string // one sentence

	panicked any // noPanic: the value of the panic
	stack    string
}

// A gravity says how much a broken rule costs. A failure of a graver rule is never
// hidden by one of a lesser.
type gravity int

const (
	// ofContract: an application may be misled, and nothing is lost.
	ofContract gravity = iota
	// ofProgress: the group, or one node of it, does not go on.
	ofProgress
	// ofDurability: a crash can take back what was promised.
	ofDurability
	// ofSafety: nodes disagree on what was decided.
	ofSafety
)

func (r rule) gravity() gravity {
	switch r {
	case knowsTheLeader, staysConsistent, readyHolds:
		return ofContract
	case leaderStays, endsWork, recovers, noPanic:
		return ofProgress
	case durableFirst, restarts:
		return ofDurability
	}
	return ofSafety
}

// canGoOn reports whether a run makes sense after the rule was broken: what else
// it finds is then no consequence of what the suite itself has missed.
func (r rule) canGoOn() bool {
	return r == knowsTheLeader || r == staysConsistent || r == leaderStays
}

// violate ends the run, unless the run can go on: then v is the result if nothing
// graver is found.
func (w *world) violate(v violation) {
	v.at = w.now
	if w.byHand != nil && w.byHand.goesOnAfter(&v) {
		return
	}
	if !v.rule.canGoOn() || v.rule == w.until {
		panic(&v)
	}
	if w.lesser == nil || v.rule.gravity() > w.lesser.rule.gravity() {
		w.lesser = &v
	}
}

// A witness is what is known about a run as a whole.
type witness struct {
	// leaders[t] is the node that leads term t, logs[t] what it has in its log.
	leaders []uint64
	logs    []ledger

	// lastElection is when a leader was elected last.
	lastElection time.Duration

	// ballots are the votes that were given, and chains those of all entries
	// that ever were in a log.
	ballots map[ballot]uint64
	chains  map[place]uint64

	// commits[i] is what is committed at index i+1, and model is a machine
	// that has applied all of it.
	commits []commit
	model   machine

	// lastChange is the index of the last membership change in commits, and
	// removed are the nodes that those took out.
	lastChange uint64
	removed    map[uint64]bool

	// state of each proposal by its id, and the place that a leader gave it.
	state  []proposalState
	places map[uint64]place

	committedAtHealing uint64

	// transferTo is whom a leader was asked to transfer leadership to.
	transferTo uint64
}

type ballot struct{ node, term uint64 }
type place struct{ index, term uint64 }

// A commit is one committed entry with what came of applying it.
type commit struct {
	link
	sum     uint64
	members []uint64
	normal  bool // a proposal of the test
}

type proposalState uint8

const (
	proposalUnknown proposalState = iota
	proposalMade
	proposalRefused
	proposalCommitted
)

func (wi *witness) begin() {
	wi.ballots = map[ballot]uint64{}
	wi.chains = map[place]uint64{}
	wi.removed = map[uint64]bool{}
	wi.places = map[uint64]place{}
}

// foresee notes that e is committed before anything happens.
func (wi *witness) foresee(e *pb.Entry) {
	prev := uint64(0)
	if n := len(wi.commits); n > 0 {
		prev = wi.commits[n-1].chain
	}
	c := commit{link: link{e.Term, chainOf(prev, e)}}
	if _, err := wi.model.apply(e); err != nil {
		panic(err)
	}
	c.sum, c.members = wi.model.sum, wi.model.members
	wi.commits = append(wi.commits, c)
}

// members returns the members of the group as far as it has committed.
func (wi *witness) members() []uint64 { return wi.model.members }

func (wi *witness) wasRemoved(id uint64) bool { return wi.removed[id] }

// leaderOf returns the leader of term, or 0 if it has had none yet.
func (wi *witness) leaderOf(term uint64) uint64 {
	if term >= uint64(len(wi.leaders)) {
		return 0
	}
	return wi.leaders[term]
}

func (wi *witness) proposed(id uint64) {
	for uint64(len(wi.state)) <= id {
		wi.state = append(wi.state, proposalUnknown)
	}
	wi.state[id] = proposalMade
}

func (wi *witness) refused(id uint64) {
	if wi.state[id] == proposalMade {
		wi.state[id] = proposalRefused
	}
}

// proposalsCommittedSince counts the proposals that are committed after index.
func (wi *witness) proposalsCommittedSince(index uint64) int {
	n := 0
	for _, c := range wi.commits[index:] {
		if c.normal {
			n++
		}
	}
	return n
}

// observe looks at r after something has happened to it: first for what the group
// can see, then for what only the node knows.
func (w *world) observe(r *replica) {
	w.observeStatus(r)
	if n, ok := r.node.(Checked); ok && (w.lesser == nil || w.lesser.rule.gravity() < staysConsistent.gravity() || w.until == staysConsistent) {
		if err := n.CheckInvariants(); err != nil {
			w.violate(violation{rule: staysConsistent, node: r.id, term: r.status.Term, found: err.Error()})
		}
	}
}

// observeStatus compares what r says now with what it said before.
func (w *world) observeStatus(r *replica) {
	st, old := r.node.Status(), &r.status
	w.log.status(r, &st)
	switch {
	case st.Term < old.Term:
		w.violate(violation{rule: goesForward, node: r.id, term: st.Term, found: fmt.Sprintf(
			"node %d goes back from term %d to term %d", r.id, old.Term, st.Term)})
	case st.Commit < old.Commit:
		w.violate(violation{rule: goesForward, node: r.id, index: st.Commit, found: fmt.Sprintf(
			"the commit index of node %d goes back from %d to %d", r.id, old.Commit, st.Commit)})
	case st.Applied < old.Applied:
		w.violate(violation{rule: goesForward, node: r.id, index: st.Applied, found: fmt.Sprintf(
			"the applied index of node %d goes back from %d to %d", r.id, old.Applied, st.Applied)})
	case st.Applied > st.Commit:
		w.violate(violation{rule: goesForward, node: r.id, index: st.Applied, found: fmt.Sprintf(
			"node %d has applied index %d, but committed only %d", r.id, st.Applied, st.Commit)})
	case st.Term == old.Term && old.Vote != 0 && st.Vote != old.Vote:
		w.violate(violation{rule: oneVote, node: r.id, term: st.Term, found: fmt.Sprintf(
			"the vote of node %d in term %d changes from %d to %d", r.id, st.Term, old.Vote, st.Vote)})
	}

	if st.Term > old.Term && w.plan.setting.steady {
		w.checkCalm(r, st.Term)
	}
	leads := st.RaftState == raft.StateLeader
	wasRole, wasTerm, wasCommit := old.RaftState, old.Term, old.Commit
	r.status = st
	if leads && (wasRole != raft.StateLeader || wasTerm != st.Term) {
		w.elected(r)
	}
	if !leads && wasRole == raft.StateLeader {
		w.story.tell(w.now, r.id, "node %d no longer leads term %d: it is a %v of term %d", r.id, wasTerm, st.RaftState, st.Term)
	}
	if st.RaftState == raft.StateCandidate && (wasRole != raft.StateCandidate || wasTerm != st.Term) {
		if wasRole == raft.StateCandidate {
			w.reached.add(goalElectionFailed)
		}
		w.story.tell(w.now, r.id, "node %d campaigns in term %d, its log ends at %s", r.id, st.Term, r.describeEnd())
	}
	// A candidate may still name the leader that it had.
	if leader := w.seen.leaderOf(st.Term); st.Lead != 0 && st.Lead != leader && st.RaftState != raft.StateCandidate {
		w.violate(violation{rule: knowsTheLeader, node: r.id, term: st.Term, found: fmt.Sprintf(
			"node %d names %d as the leader of term %d, but %s that term", r.id, st.Lead, st.Term, describeLeader(leader))})
	}

	if st.Commit <= wasCommit {
		return
	}
	if leads {
		r.decided = decision{st.Commit, st.Term, st.Nodes}
		// The only member of a group commits before anything is on its disk.
		if len(st.Nodes) > 1 {
			w.recordCommits(r, r.decided)
		}
		return
	}
	if known := uint64(len(w.seen.commits)); st.Commit > known && st.Commit > r.decided.index {
		w.violate(violation{rule: commitsTheCommitted, node: r.id, term: st.Term, index: st.Commit, found: fmt.Sprintf(
			"node %d has commit index %d, but no leader has committed more than %d", r.id, st.Commit, known)})
	}
}

func describeLeader(id uint64) string {
	if id == 0 {
		return "no node leads"
	}
	return fmt.Sprintf("node %d leads", id)
}

// checkCalm checks that no new term begins once a group without faults has a
// leader of which every node can have heard.
func (w *world) checkCalm(r *replica, term uint64) {
	calm := 2 * time.Duration(w.plan.setting.electionTick) * tick
	if leader := w.leader(); leader != nil && w.now > w.seen.lastElection+calm {
		w.violate(violation{rule: leaderStays, node: r.id, term: term, found: fmt.Sprintf(
			"node %d begins term %d, although node %d has led term %d since %s and nothing is wrong",
			r.id, term, leader.id, leader.status.Term, seconds(w.seen.lastElection))})
	}
}

// elected notes that r leads its term.
func (w *world) elected(r *replica) {
	term := r.status.Term
	if other := w.seen.leaderOf(term); other != 0 && other != r.id {
		w.violate(violation{rule: electionSafety, node: r.id, term: term, found: fmt.Sprintf(
			"nodes %d and %d both lead term %d", other, r.id, term)})
	}
	for uint64(len(w.seen.leaders)) <= term {
		w.seen.leaders = append(w.seen.leaders, 0)
		w.seen.logs = append(w.seen.logs, ledger{})
	}
	w.seen.leaders[term] = r.id
	w.seen.lastElection = w.now
	r.electedAt = uint64(len(w.seen.commits))
	r.leads = 0
	w.story.tell(w.now, r.id, "node %d becomes leader of term %d, its log ends at %s", r.id, term, r.describeEnd())
	if w.seen.transferTo == r.id {
		w.reached.add(goalTransferred)
	}
	w.seen.transferTo = 0
	if r.status.Commit < r.log.last() {
		w.reached.add(goalLeaderWithUncommitted)
	}
}

// recordCommits notes what r has committed as a leader.
func (w *world) recordCommits(r *replica, d decision) {
	index := d.index
	if index == 0 || index > r.durable.last() {
		return
	}
	known := uint64(len(w.seen.commits))
	at, ok := r.durable.at(index)
	if !ok {
		return // compacted, and thus known long since
	}
	if at.term != d.term {
		w.violate(violation{rule: commitsOwnTerm, node: r.id, term: d.term, index: index, found: fmt.Sprintf(
			"leader %d of term %d commits up to entry %s, which is of an earlier term", r.id, d.term, position(index, at.term))})
	}
	if index <= known {
		if at.chain != w.seen.commits[index-1].chain {
			w.violate(violation{rule: stateMachineSafety, node: r.id, index: index, found: fmt.Sprintf(
				"leader %d commits entry %s, but %s is committed there", r.id, position(index, at.term), position(index, w.seen.commits[index-1].term))})
		}
		return
	}
	var have []uint64
	for _, id := range d.members {
		if id == r.id || w.stores(id, index, at.chain) {
			have = append(have, id)
		}
	}
	if 2*len(have) <= len(d.members) {
		w.violate(violation{rule: commitsWithMajority, node: r.id, term: d.term, index: index, found: fmt.Sprintf(
			"leader %d of term %d commits entry %s, which of the members %v only %v have on disk",
			r.id, d.term, position(index, at.term), d.members, have)})
	}
	if known > 0 && known >= r.durable.before && r.durable.chain(known) != w.seen.commits[known-1].chain {
		w.violate(violation{rule: leaderCompleteness, node: r.id, term: d.term, index: known, found: fmt.Sprintf(
			"leader %d of term %d commits up to %d without having entry %s, which is committed",
			r.id, d.term, index, position(known, w.seen.commits[known-1].term))})
	}
	for i := known + 1; i <= index; i++ {
		w.recordCommit(r, d, r.disk.entry(i))
	}
	for _, other := range w.nodes {
		if other != nil && other.node != nil && other.status.RaftState == raft.StateLeader && other.leads > d.term {
			w.checkComplete(other, index)
		}
	}
}

// stores reports whether node id has the entry with that chain at index on its
// disk for good.
func (w *world) stores(id, index, chain uint64) bool {
	r := w.replica(id)
	return r != nil && (index < r.durable.before || r.durable.chain(index) == chain)
}

// recordCommit notes that e is the next committed entry, by the decision d of r.
func (w *world) recordCommit(r *replica, d decision, e *pb.Entry) {
	wi := &w.seen
	at, _ := r.durable.at(e.Index)
	c := commit{link: at}
	if e.EntryType == pb.EntryType_EntryNormal && len(e.Data) > 0 {
		c.normal = true
		w.commitProposal(r, e)
	}
	change, err := wi.model.apply(e)
	if err != nil {
		w.violate(violation{rule: commitsTheProposed, node: r.id, index: e.Index, found: fmt.Sprintf(
			"leader %d commits a membership change at index %d that cannot be read: %v", r.id, e.Index, err)})
	}
	if change != nil {
		wi.lastChange = e.Index
		if change.ChangeType == pb.ConfChangeType_RemoveNode {
			wi.removed[change.NodeId] = true
			w.reached.add(goalMemberRemoved)
			if change.NodeId == r.id {
				w.reached.add(goalLeaderRemoved)
			}
		} else {
			w.reached.add(goalMemberAdded)
		}
		if len(w.active) > 0 {
			w.reached.add(goalChangeUnderFaults)
		}
		w.story.tell(w.now, r.id, "node %d, as leader of term %d, commits at index %d: %s; the members are %v",
			r.id, d.term, e.Index, describeChange(change), wi.model.members)
	}
	if e.Term < d.term {
		w.reached.add(goalEarlierTermCommitted)
	}
	c.sum, c.members = wi.model.sum, wi.model.members
	wi.commits = append(wi.commits, c)
}

func describeChange(cc *pb.ConfChange) string {
	if cc.ChangeType == pb.ConfChangeType_RemoveNode {
		return fmt.Sprintf("remove node %d", cc.NodeId)
	}
	return fmt.Sprintf("add node %d", cc.NodeId)
}

// commitProposal checks that what e carries was proposed, and is committed for
// the first time.
func (w *world) commitProposal(r *replica, e *pb.Entry) {
	id := proposalID(e.Data)
	state := proposalUnknown
	if id < uint64(len(w.seen.state)) {
		state = w.seen.state[id]
	}
	fate := ""
	switch state {
	case proposalMade:
		w.seen.state[id] = proposalCommitted
		return
	case proposalUnknown:
		fate = "was never proposed"
	case proposalRefused:
		fate = "was refused when it was proposed"
	case proposalCommitted:
		fate = "was committed before"
	}
	w.violate(violation{rule: commitsTheProposed, node: r.id, index: e.Index, found: fmt.Sprintf(
		"leader %d commits entry %s, which %s", r.id, describeEntry(e), fate)})
}

// checkComplete checks that the leader r has what is committed up to index.
func (w *world) checkComplete(r *replica, index uint64) {
	if index == 0 || index < r.log.before {
		return
	}
	c := w.seen.commits[index-1]
	if r.log.chain(index) == c.chain {
		return
	}
	lacks := index
	for lacks > r.log.before+1 && r.log.chain(lacks-1) != w.seen.commits[lacks-2].chain {
		lacks--
	}
	has := "its log ends at " + r.describeEnd()
	if lacks <= r.log.last() {
		has = "it has " + position(lacks, r.log.term(lacks))
	}
	w.violate(violation{rule: leaderCompleteness, node: r.id, term: r.status.Term, index: lacks, found: fmt.Sprintf(
		"node %d leads term %d without entry %s, which is committed; %s",
		r.id, r.status.Term, position(lacks, w.seen.commits[lacks-1].term), has)})
}

// checkReady checks what r has just handed out, before it is saved.
func (w *world) checkReady(r *replica) {
	rd, st := &r.hand.Ready, &r.hand.status
	saved := r.disk.now.hard
	hard := rd.HardState
	if hard == nil {
		hard = saved
	}
	if hard.Term != st.Term || hard.Vote != st.Vote || hard.Commit != st.Commit {
		w.violate(violation{rule: readyHolds, node: r.id, term: st.Term, found: fmt.Sprintf(
			"node %d is in term %d with vote %d and commit %d, but its Ready leaves it with term %d, vote %d and commit %d on disk",
			r.id, st.Term, st.Vote, st.Commit, hard.Term, hard.Vote, hard.Commit)})
	}
	if !rd.MustSync {
		synced := r.disk.synced.hard
		what := ""
		switch {
		case rd.Snapshot != nil:
			what = "a snapshot"
		case len(rd.Entries) > 0:
			what = "entries"
		case hard.Term != synced.Term:
			what = "a new term"
		case hard.Vote != synced.Vote:
			what = "a vote"
		}
		if what != "" {
			w.violate(violation{rule: durableFirst, node: r.id, term: st.Term, found: fmt.Sprintf(
				"node %d hands out %s, and says that it need not be synced", r.id, what)})
		}
	}
	if st.RaftState == raft.StateLeader && r.leads == st.Term {
		w.checkAppendOnly(r)
	}
}

// checkAppendOnly checks that what the leader r has just handed out follows its
// log.
func (w *world) checkAppendOnly(r *replica) {
	entries, last := r.hand.Entries, r.log.last()
	if len(entries) == 0 || entries[0].Index > last {
		return
	}
	v := violation{rule: readyHolds, node: r.id, term: r.leads, index: entries[0].Index, found: fmt.Sprintf(
		"node %d, the leader of term %d, hands out entry %s, which it has saved already", r.id, r.leads, describeEntry(entries[0]))}
	chain := r.log.chain(entries[0].Index - 1)
	for _, e := range entries {
		chain = chainOf(chain, e)
		if e.Index <= last && r.log.chain(e.Index) != chain {
			v.rule = leaderAppendOnly
			v.found = fmt.Sprintf("node %d, the leader of term %d, replaces its own entry %s by %s",
				r.id, r.leads, position(e.Index, r.log.term(e.Index)), describeEntry(e))
		}
	}
	w.violate(v)
}

// learn adds entries to the ledger of r.
func (w *world) learn(r *replica, entries []*pb.Entry) {
	if len(entries) == 0 {
		return
	}
	if at := entries[0].Index; at <= r.log.last() {
		if entries[0].Term != r.log.term(at) {
			w.story.tell(w.now, r.id, "node %d replaces its entries %s to %s", r.id, position(at, r.log.term(at)), r.describeEnd())
			w.reached.add(goalConflictReplaced)
			if at <= r.checked {
				w.violate(violation{rule: stateMachineSafety, node: r.id, index: at, found: fmt.Sprintf(
					"node %d replaces entry %s by %s, but the former is committed", r.id, position(at, r.log.term(at)), position(at, entries[0].Term))})
			}
		}
		r.log.cut(at)
		for n := len(r.changes); n > 0 && r.changes[n-1] >= at; n-- {
			r.changes = r.changes[:n-1]
		}
	}
	for _, e := range entries {
		at := r.log.append(e)
		where := place{e.Index, e.Term}
		if chain, ok := w.seen.chains[where]; !ok {
			w.seen.chains[where] = at.chain
		} else if chain != at.chain {
			w.violate(violation{rule: logMatching, node: r.id, term: e.Term, index: e.Index, found: fmt.Sprintf(
				"the log of node %d gets entry %s, which another log had too, but with another content or other entries before it", r.id, describeEntry(e))})
		}
		if given, ok := w.seen.places[proposalID(e.Data)]; ok && given != where {
			w.violate(violation{rule: commitsTheProposed, node: r.id, term: e.Term, index: e.Index, found: fmt.Sprintf(
				"a leader said that it appends a proposal as entry %s, but the log of node %d has it as entry %s",
				position(given.index, given.term), r.id, describeEntry(e))})
		}
		if e.EntryType == pb.EntryType_EntryConfChange {
			w.checkOneChange(r, e)
			r.changes = append(r.changes, e.Index)
		}
	}
}

// checkOneChange checks that the leader r did not append the membership change e
// too early.
func (w *world) checkOneChange(r *replica, e *pb.Entry) {
	if e.Term != r.hand.status.Term || r.hand.status.RaftState != raft.StateLeader || len(r.changes) == 0 {
		return
	}
	if earlier := r.changes[len(r.changes)-1]; earlier > r.hand.status.Commit {
		w.violate(violation{rule: oneChangeAtATime, node: r.id, term: e.Term, index: e.Index, found: fmt.Sprintf(
			"leader %d of term %d appends %s while the membership change at index %d is not committed", r.id, e.Term, describeEntry(e), earlier)})
	}
}

// checkSaved checks the log of r once its Ready is saved.
func (w *world) checkSaved(r *replica) {
	st := &r.hand.status
	if st.Commit > r.log.last() {
		w.violate(violation{rule: readyHolds, node: r.id, index: st.Commit, found: fmt.Sprintf(
			"node %d has commit index %d, but with this Ready saved its log ends at %d", r.id, st.Commit, r.log.last())})
	}
	if i := min(st.Commit, uint64(len(w.seen.commits))); i > r.checked && i >= r.log.before {
		if r.log.chain(i) != w.seen.commits[i-1].chain {
			w.violate(violation{rule: commitsTheCommitted, node: r.id, index: i, found: fmt.Sprintf(
				"node %d takes its entry %s as committed, but what is committed there is %s, or something before it differs",
				r.id, position(i, r.log.term(i)), position(i, w.seen.commits[i-1].term))})
		}
		r.checked = i
	}
	if st.RaftState != raft.StateLeader {
		return
	}
	if r.leads != st.Term {
		r.leads = st.Term
		w.checkComplete(r, r.electedAt)
	}
	w.seen.logs[st.Term] = r.log
}

// checkSnapshot checks a snapshot that r is about to save.
func (w *world) checkSnapshot(r *replica, s *pb.Snapshot) {
	meta := s.Metadata
	if meta.GetIndex() == 0 || meta.Index > uint64(len(w.seen.commits)) {
		w.violate(violation{rule: stateMachineSafety, node: r.id, index: meta.GetIndex(), found: fmt.Sprintf(
			"node %d installs a %s, which is not committed", r.id, describeSnapshot(s))})
	}
	c := w.seen.commits[meta.Index-1]
	m, err := decodeMachine(s.Data, meta.ConfState.GetNodes())
	if err != nil || m.applied != meta.Index || meta.Term != c.term || m.sum != c.sum || !slices.Equal(m.members, c.members) {
		w.violate(violation{rule: stateMachineSafety, node: r.id, index: meta.Index, found: fmt.Sprintf(
			"node %d installs a %s, but its state is not that of index %d, or its term not %d, or its members not %v",
			r.id, describeSnapshot(s), meta.Index, c.term, c.members)})
	}
	if meta.Index <= r.checked {
		w.violate(violation{rule: goesForward, node: r.id, index: meta.Index, found: fmt.Sprintf(
			"node %d installs a %s, but has committed up to %d", r.id, describeSnapshot(s), r.checked)})
	}
}

// checkCommitted checks an entry that r is about to apply.
func (w *world) checkCommitted(r *replica, e *pb.Entry) {
	bad := func(rule rule, format string, args ...any) {
		w.violate(violation{rule: rule, node: r.id, index: e.Index, found: fmt.Sprintf("node %d is to apply entry %s, ", r.id, describeEntry(e)) + fmt.Sprintf(format, args...)})
	}
	switch commit := r.disk.now.hard.Commit; {
	case e.Index != r.app.applied+1:
		bad(appliesInOrder, "but it has applied up to %d", r.app.applied)
	case e.Index > commit:
		bad(appliesInOrder, "but has saved %d as its commit index", commit)
	case e.Index > r.log.last():
		bad(appliesInOrder, "but its log on disk ends at %s", r.describeEnd())
	case e.Index > uint64(len(w.seen.commits)):
		bad(stateMachineSafety, "but only entries up to %d are committed", len(w.seen.commits))
	}
	c := &w.seen.commits[e.Index-1]
	prev := uint64(0)
	if e.Index > 1 {
		prev = w.seen.commits[e.Index-2].chain
	}
	if chainOf(prev, e) != c.chain {
		bad(stateMachineSafety, "but what is committed there is %s, or has other data", position(e.Index, c.term))
	}
}

// checkMachine compares the machine of r with what all machines must be.
func (w *world) checkMachine(r *replica) {
	if c := &w.seen.commits[r.app.applied-1]; r.app.sum != c.sum {
		w.violate(violation{rule: stateMachineSafety, node: r.id, index: r.app.applied, found: fmt.Sprintf(
			"the state of node %d differs at index %d", r.id, r.app.applied)})
	}
}

// checkMembers compares the members that r has after applying index with what all
// must have.
func (w *world) checkMembers(r *replica, index uint64, nodes []uint64) {
	if members := w.seen.commits[index-1].members; !slices.Equal(slices.Sorted(slices.Values(nodes)), members) {
		w.violate(violation{rule: membersAgree, node: r.id, index: index, found: fmt.Sprintf(
			"after applying the membership change at index %d, node %d has members %v instead of %v", index, r.id, nodes, members)})
	}
}

// checkPromise checks that m, which leaves r now, promises only what would
// survive a crash.
func (w *world) checkPromise(r *replica, m *pb.Message) {
	hard := r.disk.synced.hard
	bad := func(rule rule, format string, args ...any) {
		w.violate(violation{rule: rule, node: r.id, term: m.Term, index: m.Index, found: fmt.Sprintf("node %d sends ", r.id) + describe(m) + ", " + fmt.Sprintf(format, args...)})
	}
	if m.From != r.id && m.MsgType != pb.MessageType_MsgTransferLeader && m.MsgType != pb.MessageType_MsgPropose {
		bad(readyHolds, "which names another sender")
	}
	if m.Term > hard.Term {
		bad(durableFirst, "but the latest term on its disk is %d", hard.Term)
	}
	// What was promised in an earlier term may have been overruled since by a
	// later leader: it is as if that had happened just after sending.
	current := m.Term == hard.Term
	switch m.MsgType {
	case pb.MessageType_MsgRequestVote:
		w.cast(r, m.Term, r.id)
		if current && hard.Vote != r.id {
			bad(durableFirst, "but its vote for itself is not on its disk")
		}
		// A candidate that has lost meanwhile may have followed the winner since.
		campaigns := r.hand.status.RaftState != raft.StateFollower
		if current && campaigns && r.durable.term(m.Index) != m.LogTerm {
			bad(durableFirst, "but its log on disk ends at %s", position(r.durable.last(), r.durable.term(r.durable.last())))
		}
	case pb.MessageType_MsgRequestVoteResponse:
		if m.Reject {
			return
		}
		w.cast(r, m.Term, m.To)
		if current && hard.Vote != m.To {
			bad(durableFirst, "but its vote on disk is for %d", hard.Vote)
		}
	case pb.MessageType_MsgAppendResponse:
		if m.Reject || !current {
			return
		}
		if m.Index > r.durable.last() {
			bad(durableFirst, "but its log on disk ends at %d", r.durable.last())
		}
		w.checkAcknowledged(r, m)
	case pb.MessageType_MsgAppend, pb.MessageType_MsgHeartbeat, pb.MessageType_MsgSnapshot, pb.MessageType_MsgTimeoutNow:
		if leader := w.seen.leaderOf(m.Term); leader != r.id && m.Term != 0 {
			bad(electionSafety, "but %s that term", describeLeader(leader))
		}
		if known := uint64(len(w.seen.commits)); m.Commit > known {
			bad(commitsTheCommitted, "but only entries up to %d are committed", known)
		}
		if last := len(m.Entries) - 1; current && last >= 0 {
			if e := m.Entries[last]; e.Index >= r.durable.before && r.durable.term(e.Index) != e.Term {
				bad(durableFirst, "but its log on disk ends at %s", position(r.durable.last(), r.durable.term(r.durable.last())))
			}
		}
	}
}

// cast notes that r votes for a candidate.
func (w *world) cast(r *replica, term, candidate uint64) {
	b := ballot{r.id, term}
	switch other := w.seen.ballots[b]; other {
	case candidate:
	case 0:
		w.seen.ballots[b] = candidate
	default:
		w.violate(violation{rule: oneVote, node: r.id, term: term, found: fmt.Sprintf(
			"node %d votes for %d in term %d, but has voted for %d in that term", r.id, candidate, term, other)})
	}
}

// checkAcknowledged checks that the log of r is that of the leader up to where m
// says so.
func (w *world) checkAcknowledged(r *replica, m *pb.Message) {
	if m.Term >= uint64(len(w.seen.logs)) || m.Index == 0 {
		return
	}
	log := &w.seen.logs[m.Term]
	theirs, ok := log.at(m.Index)
	if !ok || m.Index < r.durable.before {
		// A leader that is deposed may still send what it has not saved.
		leader := w.replica(w.seen.leaderOf(m.Term))
		if m.Index > log.last() && leader.status.RaftState == raft.StateLeader && leader.status.Term == m.Term {
			w.violate(violation{rule: acknowledgesTheSame, node: r.id, term: m.Term, index: m.Index, found: fmt.Sprintf(
				"node %d acknowledges index %d to the leader of term %d, whose log ends at %d", r.id, m.Index, m.Term, log.last())})
		}
		return
	}
	if ours, _ := r.durable.at(m.Index); ours.chain != theirs.chain {
		w.violate(violation{rule: acknowledgesTheSame, node: r.id, term: m.Term, index: m.Index, found: fmt.Sprintf(
			"node %d tells the leader of term %d that their logs match up to index %d, but it has entry %s on disk, and the leader %s, or something before differs",
			r.id, m.Term, m.Index, position(m.Index, ours.term), position(m.Index, theirs.term))})
	}
}
