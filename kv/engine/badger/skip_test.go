//go:build !cgo

package badger_test

import "testing"

func TestNeedsCgo(t *testing.T) {
	t.Skip("the engine on disk is not tested: badger compresses with the C library of zstd, and this test was built without cgo")
}
