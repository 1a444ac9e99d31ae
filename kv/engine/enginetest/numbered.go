package enginetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
)

// Numbered returns the n-th batch, from 1, of a test that crashes and then
// checks which batches survived. It writes n to a key of its own, and to one
// key in two families, so that RequireNumbered notices half a batch. Its values
// are padded with pad bytes.
func Numbered(n, pad int) *engine.Batch {
	var b engine.Batch
	v := fmt.Appendf(nil, "%06d%s", n, strings.Repeat("x", pad))
	b.Put(engine.CFDefault, []byte("last"), v)
	b.Put(engine.CFWrite, []byte("last"), v)
	b.Put(engine.CFDefault, fmt.Appendf(nil, "n%06d", n), v)
	return &b
}

// RequireNumbered requires that r holds the effects of the batches 1 to n for
// some n from atLeast to atMost, and nothing else, and returns n.
func RequireNumbered(t testing.TB, r engine.Reader, atLeast, atMost int) int {
	t.Helper()
	kvs := scan(t, r, engine.CFDefault, engine.Range{Start: []byte("n")})
	n := len(kvs)
	for i, kv := range kvs {
		require.Equal(t, fmt.Sprintf("n%06d", i+1), kv.Key, "batches survive in order, without a gap")
		require.Equal(t, kv.Key[1:], kv.Value[:6])
	}
	require.GreaterOrEqual(t, n, atLeast, "a batch that had to survive was lost")
	require.LessOrEqual(t, n, atMost, "a batch came back that was lost before")
	for _, cf := range []engine.CF{engine.CFDefault, engine.CFWrite} {
		if n == 0 {
			requireAbsent(t, r, cf, "last")
		} else {
			requireGet(t, r, cf, "last", kvs[n-1].Value)
		}
	}
	return n
}
