//go:build mutant

// Everything is written to the default family, whatever family the command
// names.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) evaluate(e *eraftpb.Entry) ([]engine.Op, error) {
	ops, err := a.evaluate_original(e)
	for i := range ops {
		ops[i].CF = engine.CFDefault
	}
	return ops, err
}
