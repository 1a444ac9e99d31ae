//go:build mutant

// A request that asks for two changes at once is not refused: the first one that the
// code looks at is made, and the answer says that all is done.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) administer(a *Admin) {
	one := *a
	switch {
	case a.TransferLeader != nil:
		one.Split, one.ChangePeer = nil, nil
	case a.ChangePeer != nil:
		one.Split = nil
	}
	p.administer_original(&one)
}
