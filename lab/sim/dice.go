package sim

import "time"

// A Dice answers the random questions of one run. An answer is a function of the
// seed, of what is asked, of whom it is asked about, and of how often it was
// asked before, and of nothing else. So it does not matter in which order
// different parties ask: a solution that walks a map in random order sees the
// same network, and a fault that is taken out of a schedule does not change what
// happens to the messages it has nothing to do with.
type Dice uint64

// A question is a kind of random choice.
type question uint64

const (
	askLatency question = iota + 1
	askTail
	askLoss
	askReset
	askDuplicate
	askDelay
	askCut
	askReport
	askTask
	askTick
	askKeep
	askSystem
	askClient
	askSetting
	askFault
	askTarget
	askTaskWaits
	askDisk
	askResume
	askCore
)

// roll returns the answer to the nth question of that kind about (a, b), as 64
// evenly distributed bits.
func (d Dice) roll(q question, a, b, nth uint64) uint64 {
	h := mix(uint64(d) + uint64(q)*0x9e3779b97f4a7c15)
	h = mix(h ^ a)
	h = mix(h ^ b*0xbea225f9eb34556d)
	return mix(h ^ nth*0xd1b54a32d192ed03)
}

// chance reports whether something of probability p happens.
func (d Dice) chance(p float64, q question, a, b, nth uint64) bool {
	return p > 0 && unit(d.roll(q, a, b, nth)) < p
}

// unit turns bits into a number in [0, 1).
func unit(bits uint64) float64 { return float64(bits>>11) * 0x1p-53 }

// mix spreads every bit of x over the whole result, and maps no two x to the
// same.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// scaled returns a duration in [lo, hi], chosen by bits.
func scaled(bits uint64, lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(bits%uint64(hi-lo+1))
}

// A Drawer draws one answer after the other where there is only one who asks:
// a client that chooses its next operation, a nemesis that makes a schedule. It
// belongs to one goroutine.
type Drawer struct {
	dice Dice
	q    question
	who  uint64
	nth  uint64
}

// Bits returns 64 evenly distributed bits.
func (d *Drawer) Bits() uint64 {
	d.nth++
	return d.dice.roll(d.q, d.who, 0, d.nth)
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
