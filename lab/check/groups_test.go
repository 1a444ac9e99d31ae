package check_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/check"
)

func TestAnswers(t *testing.T) {
	var a check.Answers
	first, second := a.Expect("put 1"), a.Expect("put 2")
	second()
	require.NoError(t, a.Violation())
	n, oldest := a.Open()
	require.Equal(t, 1, n)
	require.Equal(t, "put 1", oldest)
	first()
	second()
	require.EqualError(t, a.Violation(), "put 2 was answered twice")
}

// replica returns the first replica of a group on a store.
func replica(group, store uint64) check.Replica {
	return check.Replica{Group: group, Peer: 10*group + store, Store: store}
}

func TestGroups(t *testing.T) {
	base := check.Status{Term: 3, Vote: 1, Commit: 5, Applied: 4, Last: 6}
	for _, c := range []struct {
		name        string
		change      func(*check.Status)
		incarnation uint64
		rule        string
	}{
		{"the same", func(*check.Status) {}, 1, ""},
		{"progress", func(s *check.Status) { s.Commit, s.Applied, s.Last = 7, 7, 9 }, 1, ""},
		{"a new term", func(s *check.Status) { s.Term, s.Vote = 4, 2 }, 1, ""},
		{"another vote", func(s *check.Status) { s.Vote = 2 }, 1, check.RuleOneVote},
		{"another vote after a restart", func(s *check.Status) { s.Vote = 2 }, 2, check.RuleOneVote},
		{"an older term", func(s *check.Status) { s.Term = 2 }, 1, check.RuleForward},
		{"an older term after a restart", func(s *check.Status) { s.Term = 2 }, 2, check.RuleKeepsState},
		{"commit goes back", func(s *check.Status) { s.Commit = 4 }, 1, check.RuleForward},
		{"commit goes back with a restart", func(s *check.Status) { s.Commit = 4 }, 2, ""},
		{"applied goes back", func(s *check.Status) { s.Applied = 3 }, 1, check.RuleForward},
		{"applied passes commit", func(s *check.Status) { s.Applied = 6 }, 1, check.RuleForward},
		{"commit passes the log", func(s *check.Status) { s.Commit = 7 }, 1, check.RuleForward},
		{"a second leader", func(s *check.Status) { s.Leads = true }, 1, check.RuleOneLeader},
		{"a leader of another term", func(s *check.Status) { s.Term, s.Leads = 4, true }, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := check.NewGroups()
			require.NoError(t, g.Observe(replica(1, 1), 1, check.Status{Term: 3, Vote: 1, Leads: true}))
			require.NoError(t, g.Observe(replica(1, 2), 1, base))
			s := base
			c.change(&s)
			err := g.Observe(replica(1, 2), c.incarnation, s)
			if c.rule == "" {
				require.NoError(t, err)
			} else {
				require.Error(t, err)
				require.Equal(t, c.rule, err.(*check.Violation).Rule)
			}
		})
	}

	g := check.NewGroups()
	require.NoError(t, g.Applied(replica(1, 1), 7, 100))
	require.NoError(t, g.Applied(replica(1, 2), 7, 100))
	require.NoError(t, g.Applied(replica(2, 2), 7, 101), "another group")
	require.NoError(t, g.Applied(replica(1, 2), 3, 102))
	require.ErrorContains(t, g.Applied(replica(1, 3), 7, 103), "another entry at index 7")
	require.NoError(t, g.Data(replica(1, 1), 7, 1))
	require.NoError(t, g.Data(replica(1, 2), 8, 2))
	require.ErrorContains(t, g.Data(replica(1, 2), 7, 3), "differ")

	// A store that comes back into a group has promised nothing.
	again := check.Replica{Group: 1, Peer: 99, Store: 2}
	require.NoError(t, g.Observe(replica(1, 2), 1, check.Status{Term: 3, Vote: 1, Commit: 8, Last: 8}))
	require.NoError(t, g.Observe(again, 1, check.Status{Term: 3}))
	require.NoError(t, g.Observe(again, 1, check.Status{Term: 3, Vote: 3}))
	require.ErrorContains(t, g.Observe(again, 1, check.Status{Term: 3, Vote: 1}), "votes for 1 in term 3")
}
