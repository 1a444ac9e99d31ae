// Package dice makes the random choices of a simulated run. Each is a function of
// the seed and of what it is about, so that no choice depends on how many others
// were made before.
package dice

import "time"

// A Dice answers the random questions of one run. An answer is a function of the
// seed, of what is asked, of what it is asked about, and of how often it was asked
// before, and of nothing else. So it does not matter in which order different
// parties ask: a solution that walks a map in random order sees the same network,
// and a fault that is taken out of a schedule does not change what happens to the
// messages it has nothing to do with.
type Dice uint64

// A Question is a kind of random choice. A simulator numbers its own, from 1.
type Question uint64

// Roll returns the answer to the nth question of that kind about some things, as 64
// evenly distributed bits.
func (d Dice) Roll(q Question, nth uint64, about ...uint64) uint64 {
	h := Mix(uint64(d) + uint64(q)*0x9e3779b97f4a7c15)
	factor := uint64(1) // tells (a, b) from (b, a)
	for _, a := range about {
		h = Mix(h ^ a*factor)
		factor *= 0xbea225f9eb34556d
	}
	return Mix(h ^ nth*0xd1b54a32d192ed03)
}

// Chance reports whether something of probability p happens.
func (d Dice) Chance(p float64, q Question, nth uint64, about ...uint64) bool {
	return p > 0 && unit(d.Roll(q, nth, about...)) < p
}

// unit turns bits into a number in [0, 1).
func unit(bits uint64) float64 { return float64(bits>>11) * 0x1p-53 }

// Mix spreads every bit of x over the whole result, and maps no two x to the
// same.
func Mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// Scaled returns a duration in [lo, hi], chosen by bits.
func Scaled(bits uint64, lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(bits%uint64(hi-lo+1))
}

// A Drawer draws one answer after the other where only one party asks: a client
// that chooses its next operation, a nemesis that makes a schedule. It belongs to
// one goroutine.
type Drawer struct {
	dice  Dice
	q     Question
	about uint64
	nth   uint64
}

// NewDrawer returns a drawer that answers questions of kind q about something.
func NewDrawer(d Dice, q Question, about uint64) *Drawer { return &Drawer{dice: d, q: q, about: about} }

// Branch returns a drawer that has nothing to do with d and its other branches.
func (d *Drawer) Branch(i int) *Drawer {
	return NewDrawer(d.dice, d.q, Mix(d.about)+uint64(i)+1)
}

// Bits returns 64 evenly distributed bits.
func (d *Drawer) Bits() uint64 {
	d.nth++
	return d.dice.Roll(d.q, d.nth, d.about)
}

// IntN returns a number in [0, n).
func (d *Drawer) IntN(n int) int { return int(d.Bits() % uint64(n)) }

// Between returns a number in [lo, hi].
func (d *Drawer) Between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

// Chance reports whether something of probability p happens.
func (d *Drawer) Chance(p float64) bool { return unit(d.Bits()) < p }

// Duration returns a whole number of milliseconds in [lo, hi].
func (d *Drawer) Duration(lo, hi time.Duration) time.Duration {
	return time.Duration(d.Between(int(lo/time.Millisecond), int(hi/time.Millisecond))) * time.Millisecond
}

// Pick returns one of choices.
func Pick[T any](d *Drawer, choices ...T) T { return choices[d.IntN(len(choices))] }
