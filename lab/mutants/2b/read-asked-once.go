//go:build mutant

// Only the heartbeats that are sent when a read comes ask for it. If they get
// lost, the next ones do not ask again, and the read waits until another one
// comes.
//
//lab:mutant 2B raft
package raft

import "sync"

var readAskedOnce sync.Map

func (r *Raft) readIndex(context []byte) {
	readAskedOnce.Store(r, true)
	r.readIndex_original(context)
	readAskedOnce.Delete(r)
}

func (r *Raft) readContext() []byte {
	if _, asking := readAskedOnce.Load(r); !asking {
		return nil
	}
	return r.readContext_original()
}
