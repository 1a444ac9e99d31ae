package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProgramsAreKeptWhileTheirTreeIsThere(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache) // Linux
	t.Setenv("HOME", cache)           // macOS
	t.Setenv("LocalAppData", cache)   // Windows
	first, second := t.TempDir(), filepath.Join(t.TempDir(), "tree")
	require.NoError(t, os.Mkdir(second, 0o755))

	ofFirst, err := programsOf(first)
	require.NoError(t, err)
	ofSecond, err := programsOf(second)
	require.NoError(t, err)
	require.NotEqual(t, ofFirst, ofSecond)
	for _, dir := range []string{ofFirst, ofSecond} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "program"), nil, 0o755))
	}

	require.NoError(t, os.Remove(second))
	again, err := programsOf(first)
	require.NoError(t, err)
	require.Equal(t, ofFirst, again)
	require.FileExists(t, filepath.Join(ofFirst, "program"))
	require.NoDirExists(t, ofSecond)
}
