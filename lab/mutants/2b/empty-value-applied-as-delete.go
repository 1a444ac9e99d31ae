//go:build mutant

// A write without a value is taken for a delete. But an empty value is a value.
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
		ops[i].Delete = ops[i].Delete || len(ops[i].Value) == 0
	}
	return ops, err
}
