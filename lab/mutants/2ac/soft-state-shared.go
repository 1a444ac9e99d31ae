//go:build mutant

// Ready returns a pointer to the node's own record of the last soft state. An
// application that keeps it to know its role sees it change unannounced with
// the next Ready, although everything in a Ready may be kept.
//
//lab:mutant 2AC raft
package raft

func (rn *RawNode) Ready() Ready {
	rd := rn.Ready_original()
	if rd.SoftState != nil {
		rd.SoftState = &rn.soft
	}
	return rd
}
