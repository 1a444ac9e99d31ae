package todo_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/todo"
)

func TestRecovered(t *testing.T) {
	want := todo.Func{Stage: "2AA", Name: "(*Raft).Step"}
	got, ok := todo.Recovered(want.String())
	require.True(t, ok)
	require.Equal(t, want, got)

	for _, other := range []any{nil, 5, "index out of range", "TODO: later", "TODO(2AA): implement", errors.New(want.String())} {
		_, ok := todo.Recovered(other)
		require.False(t, ok, "%v", other)
	}
}

// Inside a course the line says where to read on. Outside of one, as on a machine
// that has just the program, there is no guide to name.
func TestExplain(t *testing.T) {
	f := todo.Func{Stage: "2AA", Name: "raft.New"}
	require.Equal(t, "not implemented: raft.New; stage 2aa, see doc/project2-raftkv.md#leader-election", f.Explain("."))
	require.Equal(t, "not implemented: raft.New; stage 2aa", f.Explain(t.TempDir()))
}
