//go:build mutant

// A scheduler that restarts trusts its clock and forgets the bound: a clock that
// is behind gives timestamps that were handed out before.
//
//lab:mutant 3C scheduler
package scheduler

func newOracle(bound int64) oracle {
	return oracle{physical: 1, bound: bound}
}
