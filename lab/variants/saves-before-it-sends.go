//go:build variant

// A pass saves before it sends anything, also a leader's appends, and applies last:
// one order for every peer.
//
//lab:variant kv/raftstore 2B 2C
package raftstore

func (p *peer) sendAppends() {}

func (p *peer) appliesFirst() bool { return false }
