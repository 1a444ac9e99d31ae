//go:build cgo

package main

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/badger"
)

// memTableSize is small: what a scheduler keeps fits into memory many times.
const memTableSize = 4 << 20

func openEngine(path string, families []engine.CF) (engine.Engine, error) {
	return badger.Open(path, badger.Options{Families: families, MemTableSize: memTableSize})
}
