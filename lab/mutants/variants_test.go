package mutants_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labkv/labkv/lab/mutants"
	"github.com/stretchr/testify/require"
)

const variantFile = `//go:build variant

// It counts in another way.
//
//lab:variant counter 1 2AA
package counter

func Count(n int) int { return Count_original(n-1) + 1 }
`

// variantTree is a tree with one package and a catalog of one variant.
func variantTree(t *testing.T, variant string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"counter/counter.go":         "package counter\n\nfunc Count(n int) int { return n }\n",
		"lab/variants/README.md":     "# Variants\n",
		"lab/variants/one-by-one.go": variant,
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	return root
}

func TestLoadVariants(t *testing.T) {
	root := variantTree(t, variantFile)
	variants, err := mutants.LoadVariants(root, []string{"1", "2AA"})
	require.NoError(t, err)
	require.Len(t, variants, 1)
	v := variants[0]
	require.Equal(t, "one-by-one", v.Name)
	require.Equal(t, "counter", v.Dir)
	require.Equal(t, []string{"1", "2AA"}, v.Stages)
	require.Empty(t, v.Beside)
	require.Equal(t, "It counts in another way.", v.Doc)
	require.Equal(t, []string{"Count"}, v.Funcs)

	files, err := mutants.Overlay(root, variants)
	require.NoError(t, err)
	require.Contains(t, string(files["counter/zz_mutant_one-by-one.go"]), "func Count_one_by_one(")
	require.NotContains(t, string(files["counter/zz_mutant_one-by-one.go"]), "go:build")
}

// A variant names other packages whose tests it meets, too.
func TestVariantBesideItsPackage(t *testing.T) {
	root := variantTree(t, strings.Replace(variantFile, "counter 1 2AA", "counter 1 2AA kv/server raft", 1))
	variants, err := mutants.LoadVariants(root, []string{"1", "2AA"})
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2AA"}, variants[0].Stages)
	require.Equal(t, []string{"kv/server", "raft"}, variants[0].Beside)
}

func TestLoadVariantsMistakes(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"the tag of a mutant", "go:build variant", "go:build mutant", "must begin with //go:build variant"},
		{"the directive of a mutant", "lab:variant counter", "lab:mutant counter", "a variant has one line like //lab:variant raft 2AA 2AB"},
		{"no stage", "counter 1 2AA", "counter", "takes a directory and stages"},
		{"an unknown stage", "2AA", "7", `unknown stage "7"`},
		{"another package", "package counter", "package raft", "the package in counter is counter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := variantTree(t, strings.Replace(variantFile, c.old, c.new, 1))
			_, err := mutants.LoadVariants(root, []string{"1", "2AA"})
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := mutants.LoadVariants(t.TempDir(), []string{"1"})
	require.Error(t, err, "a tree without a catalog")
}
