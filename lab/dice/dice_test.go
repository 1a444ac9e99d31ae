package dice_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/dice"
)

// Different questions have different answers, and the same has the same.
func TestRoll(t *testing.T) {
	seen := map[uint64]bool{}
	for _, seed := range []dice.Dice{1, 2} {
		for q := dice.Question(1); q <= 20; q++ {
			for a := range uint64(5) {
				for b := range uint64(5) {
					for n := range uint64(20) {
						answer := seed.Roll(q, n, a, b)
						require.False(t, seen[answer], "two questions have the same answer")
						require.Equal(t, answer, seed.Roll(q, n, a, b))
						seen[answer] = true
					}
				}
			}
		}
	}
}

func TestChance(t *testing.T) {
	hits := 0
	for n := range uint64(10000) {
		if dice.Dice(7).Chance(0.2, 1, n, 1, 2) {
			hits++
		}
	}
	require.InDelta(t, 2000, hits, 150)
	require.False(t, dice.Dice(7).Chance(0, 1, 1))
}

// A drawer and its branches do not repeat each other.
func TestDrawer(t *testing.T) {
	d := dice.NewDrawer(7, 1, 3)
	seen := map[uint64]bool{}
	for _, d := range []*dice.Drawer{d, d.Branch(0), d.Branch(1), dice.NewDrawer(7, 2, 3), dice.NewDrawer(7, 1, 4)} {
		for range 100 {
			bits := d.Bits()
			require.False(t, seen[bits])
			seen[bits] = true
		}
	}
	for range 100 {
		n := d.Between(3, 5)
		require.True(t, n >= 3 && n <= 5)
	}
}
