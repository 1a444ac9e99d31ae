//go:build mutant

// Each entry of a Ready begins a batch of its own, and only the batch of the
// last one is written. With little to do entries come one at a time, so it
// works for a single client.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	a.batch.Reset()
	a.add_original(e, ops, err)
}
