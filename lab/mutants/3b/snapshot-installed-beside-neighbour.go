//go:build mutant

// A snapshot is installed although another region of the store still has some of
// its keys.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (d *directory) claim(p *peer, r *metapb.Region) bool {
	if !p.isInitialized() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.taken.Insert(r)
	}
	return true
}

func (d *directory) admitLocked(r *metapb.Region, peerID uint64) admission {
	if answer := d.admitLocked_original(r, peerID); answer != early {
		return answer
	}
	return admitted
}
