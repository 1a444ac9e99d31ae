//go:build mutant

// Of a command with several operations only the first takes effect.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
)

func (a *applier) evaluate(e *eraftpb.Entry) ([]engine.Op, error) {
	ops, err := a.evaluate_original(e)
	return ops[:min(len(ops), 1)], err
}
