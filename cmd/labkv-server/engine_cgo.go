//go:build cgo

package main

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/badger"
)

func openEngine(path string, families []engine.CF) (engine.Engine, error) {
	return badger.Open(path, badger.Options{Families: families})
}
