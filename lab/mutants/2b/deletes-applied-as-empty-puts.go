//go:build mutant

// A delete is applied as a put of its value, which is empty. The key is still
// there, with an empty value.
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
		ops[i].Delete = false
	}
	return ops, err
}
