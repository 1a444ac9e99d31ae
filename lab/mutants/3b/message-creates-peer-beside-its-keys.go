//go:build mutant

// A message creates a peer although another region of the store still has its
// keys.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (d *directory) admitLocked(r *metapb.Region, peerID uint64) admission {
	if answer := d.admitLocked_original(r, peerID); answer != early {
		return answer
	}
	return admitted
}

func (d *directory) claim(p *peer, r *metapb.Region) bool { return true }
