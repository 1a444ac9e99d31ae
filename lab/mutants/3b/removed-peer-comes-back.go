//go:build mutant

// The store does not look whether a peer was removed before it creates it for a
// message.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (d *directory) admitLocked(r *metapb.Region, peerID uint64) admission {
	if answer := d.admitLocked_original(r, peerID); answer != gone {
		return answer
	}
	return admitted
}
