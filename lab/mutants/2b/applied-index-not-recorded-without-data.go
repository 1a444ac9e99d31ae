//go:build mutant

// A part that changes no key is not worth a write: the applied index is not
// recorded for it. The store then says that it has applied what its disk does
// not say.
//
//lab:mutant 2B kv/raftstore
package raftstore

func (a *applier) cut() {
	if a.batch.Len() > 0 {
		a.cut_original()
	}
}
