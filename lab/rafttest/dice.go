package rafttest

import "time"

// A dice answers the random questions of one run. An answer is a function of
// the seed, of the node that asks, of what is asked, and of how often it was
// asked before, and of nothing else: no answer depends on the order in which
// different parties ask. So it does not matter in which order an implementation
// walks a map, and a fault that is taken out of a schedule does not change what
// happens to the messages it has nothing to do with.
type dice uint64

// A question is a kind of random choice.
type question uint64

const (
	askElectionTimeout question = iota + 1
	askNetworkLatency
	askLoss
	askLossReported
	askDuplicate
	askDelay
	askDisk
	askApply
	askApplySync
	askSurvivingWrites
	askProposalTime
	askProposalTarget
	askProposalSize
	askLeaderless
	askTrailingEntries
	askSnapshotReport
	askClockRate
	askSetting
	askFault
)

// roll returns the answer to the nth question of that kind that is asked about
// (a, b), as 64 evenly distributed bits.
func (d dice) roll(q question, a, b, nth uint64) uint64 {
	h := mix(uint64(d) + uint64(q)*0x9e3779b97f4a7c15)
	h = mix(h ^ (a<<32 | b))
	return mix(h ^ nth*0xd1b54a32d192ed03)
}

// chance reports whether an event of probability p happens.
func (d dice) chance(p float64, q question, a, b, nth uint64) bool {
	return p > 0 && float64(d.roll(q, a, b, nth)>>11)*0x1p-53 < p
}

// mix spreads every bit of x over the whole result, and maps no two x to the
// same.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// A drawer draws from a dice one question after the other, where only one caller
// asks.
type drawer struct {
	dice dice
	q    question
	a    uint64
	nth  uint64
}

func (d *drawer) bits() uint64 {
	d.nth++
	return d.dice.roll(d.q, d.a, 0, d.nth)
}

// below returns a number in [0, n).
func (d *drawer) below(n int) int { return int(d.bits() % uint64(n)) }

// between returns a number in [lo, hi].
func (d *drawer) between(lo, hi int) int { return lo + d.below(hi-lo+1) }

func (d *drawer) chance(p float64) bool { return float64(d.bits()>>11)*0x1p-53 < p }

// duration returns a whole number of milliseconds in [lo, hi].
func (d *drawer) duration(lo, hi time.Duration) time.Duration {
	return time.Duration(d.between(int(lo/time.Millisecond), int(hi/time.Millisecond))) * time.Millisecond
}

// scaled returns a duration in [lo, hi], chosen by bits.
func scaled(bits uint64, lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(bits%uint64(hi-lo+1))
}

// pick returns one of choices.
func pick[T any](d *drawer, choices ...T) T { return choices[d.below(len(choices))] }
