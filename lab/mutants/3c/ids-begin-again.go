//go:build mutant

// A scheduler that restarts hands out the ids of the reserved window again. Some
// of them were handed out before the crash.
//
//lab:mutant 3C scheduler
package scheduler

func newWindow(end uint64) window { return window{last: end - min(end, 1000), end: end} }
