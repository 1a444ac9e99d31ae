//go:build variant

// A Ready that has something to sync has no message. They leave with the next one,
// when Advance has said that their promises are kept.
//
//lab:variant raft 2AC 2C 3A
package raft

func (rn *RawNode) Ready() Ready {
	rd := rn.Ready_original()
	if rd.MustSync {
		rn.raft.msgs, rd.Messages = rd.Messages, nil
	}
	return rd
}
