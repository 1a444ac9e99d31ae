//go:build !cgo

package main

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

func openEngine(string, []engine.CF) (engine.Engine, error) {
	return nil, errors.New("this labkv-scheduler was built without its engine, which needs a C compiler: build it with CGO_ENABLED=1")
}
