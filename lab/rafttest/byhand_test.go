package rafttest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever breaks by hand is shown, and has a word that scripts can expect.
func TestEveryRuleIsShownByHand(t *testing.T) {
	boundTime := []rule{leaderStays, recovers}
	for r := range claims {
		i := slices.IndexFunc(guarantees, func(g struct {
			key  string
			rule rule
		}) bool {
			return g.rule == r
		})
		require.Equal(t, slices.Contains(boundTime, r), i < 0, "%v", r)
	}
	require.Len(t, Guarantees(), len(claims)-len(boundTime))
}

func TestUnnumbered(t *testing.T) {
	for text, want := range map[string]string{
		`entry 3/1"p12:x=1" after 2/1`:        `entry 3/1"x=1" after 2/1`,
		`[2/1"p1:a" 3/1"p2:b"]`:               `[2/1"a" 3/1"b"]`,
		`a text "p" and "pq" and "p7" and "p`: `a text "p" and "pq" and "p7" and "p`,
	} {
		require.Equal(t, want, unnumbered(text))
	}
}

// A node that was never there joins with an empty disk, gets the whole log and leads.
// Meanwhile ids may be left out.
func TestJoinByHand(t *testing.T) {
	h, err := StartByHand(reference{}, Group{Nodes: 1, ElectionTick: 10, HeartbeatTick: 2, Seed: 1})
	require.NoError(t, err)
	require.NoError(t, h.Campaign(1))
	require.NoError(t, h.AddMember(1, 4))
	for range 20 {
		require.NoError(t, h.Run(0))
	}
	require.NoError(t, h.Transfer(1, 4))
	for range 20 {
		require.NoError(t, h.Run(0))
	}
	nodes := h.Nodes()
	require.Len(t, nodes, 2)
	require.Equal(t, "leader", nodes[1].Role)
	require.Equal(t, []uint64{1, 4}, nodes[1].Members)
	require.ErrorContains(t, h.Partition([][]uint64{{1}, {4}, {2}}), "there is no node 2")
	require.NoError(t, h.Partition([][]uint64{{1}, {4}}))
	require.Equal(t, [][]uint64{{1}, {4}}, h.Sides())
	require.Empty(t, h.Broken())
}
