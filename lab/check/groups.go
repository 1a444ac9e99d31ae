package check

import "fmt"

// The rules of Groups.
const (
	RuleOneLeader  = "at most one replica leads a term"
	RuleOneVote    = "a replica votes for at most one candidate in a term, also across a crash"
	RuleForward    = "term, commit index and applied index never go back, and applied never passes commit"
	RuleSameApply  = "what one replica applies at an index, no replica ever applies differently"
	RuleSameData   = "replicas that have applied the same entries hold the same data"
	RuleKeepsState = "a replica continues from what it has promised"
)

// A Status is what one replica of a Raft group says about itself.
type Status struct {
	Term, Vote      uint64
	Commit, Applied uint64
	Last            uint64 // index of the last entry of the log
	Leads           bool
}

// A Replica is one member of a Raft group. A store has at most one of each group
// at a time. A store that has left a group and joins it again has another one,
// with another peer id, which has promised nothing.
type Replica struct{ Group, Peer, Store uint64 }

// Groups watches the Raft groups of a system, from outside: it is told after
// every event how each replica stands, and of each entry that one applies.
type Groups struct {
	leaders map[groupTerm]Replica
	members map[Replica]*member
	entries map[uint64][]uint64 // by group: the sum of the entry at index i+1, 0 if not known
	data    map[groupIndex]replicaSum
}

type groupTerm struct{ group, term uint64 }
type groupIndex struct{ group, index uint64 }

type replicaSum struct {
	sum uint64
	of  Replica
}

type member struct {
	incarnation uint64
	Status
}

// NewGroups returns a watcher that has seen nothing yet.
func NewGroups() *Groups {
	return &Groups{
		leaders: map[groupTerm]Replica{}, members: map[Replica]*member{},
		entries: map[uint64][]uint64{}, data: map[groupIndex]replicaSum{},
	}
}

// Observe is told how a replica stands, in which incarnation of its store. It may
// be told the same again.
//
// Promises of a replica hold across crashes only once it has spoken: Observe must
// be told at a moment at which everything that was sent is durable, as it is when
// a store is idle.
func (g *Groups) Observe(r Replica, incarnation uint64, s Status) error {
	m := g.members[r]
	if m == nil {
		m = &member{incarnation: incarnation}
		g.members[r] = m
	}
	old := m.Status
	if m.incarnation == incarnation && old == s {
		return nil
	}
	bad := func(rule, format string, args ...any) error {
		return &Violation{Rule: rule, Found: fmt.Sprintf("the replica of group %d on store %d ", r.Group, r.Store) + fmt.Sprintf(format, args...)}
	}
	same := m.incarnation == incarnation
	m.incarnation, m.Status = incarnation, s
	switch {
	case s.Term < old.Term && !same:
		return bad(RuleKeepsState, "was in term %d, and is in term %d after a restart", old.Term, s.Term)
	case s.Term < old.Term:
		return bad(RuleForward, "goes back from term %d to term %d", old.Term, s.Term)
	case s.Term == old.Term && old.Vote != 0 && s.Vote != old.Vote:
		return bad(RuleOneVote, "votes for %d in term %d, but has voted for %d", s.Vote, s.Term, old.Vote)
	case same && s.Commit < old.Commit:
		return bad(RuleForward, "has commit index %d, but had %d", s.Commit, old.Commit)
	case same && s.Applied < old.Applied:
		return bad(RuleForward, "has applied up to %d, but had up to %d", s.Applied, old.Applied)
	case s.Applied > s.Commit:
		return bad(RuleForward, "has applied up to %d, but committed only up to %d", s.Applied, s.Commit)
	case s.Commit > s.Last:
		return bad(RuleForward, "has commit index %d, but its log ends at %d", s.Commit, s.Last)
	}
	if s.Leads {
		term := groupTerm{r.Group, s.Term}
		if leader, led := g.leaders[term]; led && leader != r {
			return bad(RuleOneLeader, "leads term %d, which store %d leads already", s.Term, leader.Store)
		}
		g.leaders[term] = r
	}
	return nil
}

// Applied is told of an entry that a replica applies; sum stands for its term and
// content, and is not 0.
func (g *Groups) Applied(r Replica, index, sum uint64) error {
	entries := g.entries[r.Group]
	for uint64(len(entries)) < index {
		entries = append(entries, 0)
	}
	g.entries[r.Group] = entries
	switch entries[index-1] {
	case 0:
		entries[index-1] = sum
	case sum:
	default:
		return &Violation{Rule: RuleSameApply, Found: fmt.Sprintf(
			"store %d applies another entry at index %d of group %d than was applied there before", r.Store, index, r.Group)}
	}
	return nil
}

// Data is told of the sum of all data of a replica that has applied up to index.
func (g *Groups) Data(r Replica, index, sum uint64) error {
	key := groupIndex{r.Group, index}
	other, known := g.data[key]
	if !known {
		g.data[key] = replicaSum{sum, r}
		return nil
	}
	if other.sum != sum {
		if other.of == r {
			return &Violation{Rule: RuleSameData, Found: fmt.Sprintf(
				"the data of store %d are other ones than it had itself when it had applied up to index %d of group %d before", r.Store, index, r.Group)}
		}
		return &Violation{Rule: RuleSameData, Found: fmt.Sprintf(
			"after applying index %d of group %d, the data of store %d differ from those that store %d had", index, r.Group, r.Store, other.of.Store)}
	}
	return nil
}
