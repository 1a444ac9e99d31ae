//go:build mutant

// The first timestamp of a scheduler whose clock says 0 is 0, which clients take
// for none.
//
//lab:mutant 3C scheduler
package scheduler

func newOracle(bound int64) oracle {
	return oracle{physical: bound, bound: bound}
}
