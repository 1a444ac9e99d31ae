package grade

import (
	"context"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/mutants"
)

// The reference, what students start from, and all mutants and variants use only what
// solutions may use.
func TestCourseUsesWhatSolutionsMay(t *testing.T) {
	c, err := course.Load("../..")
	require.NoError(t, err)
	pristine, err := Pristine(c)
	require.NoError(t, err)
	checker := newTypeChecker(c, pristine)
	reference, skeleton := map[string][]byte{}, map[string][]byte{}
	for _, dir := range c.EditDirs() {
		entries, err := os.ReadDir(filepath.Join(c.Root, dir))
		require.NoError(t, err)
		for _, entry := range entries {
			name := path.Join(dir, entry.Name())
			if !c.Editable(name) {
				continue
			}
			reference[name], err = os.ReadFile(filepath.Join(c.Root, name))
			require.NoError(t, err)
			skeleton[name] = reference[name]
			if data, differs := pristine[name]; differs {
				skeleton[name] = data
			}
		}
	}
	for _, files := range []map[string][]byte{skeleton, maps.Clone(reference)} {
		refused, err := checker.check(context.Background(), files)
		require.NoError(t, err)
		require.Empty(t, refused)
	}

	wrong, err := mutants.Load(c.Root, c.Directives())
	require.NoError(t, err)
	right, err := mutants.LoadVariants(c.Root, c.Directives())
	require.NoError(t, err)
	files, err := mutants.Overlay(c.Root, slices.Concat(wrong, right))
	require.NoError(t, err)
	maps.Copy(reference, files)
	refused, err := checker.check(context.Background(), reference)
	require.NoError(t, err)
	// What chooses one of them is no solution's. That it is refused in each package shows
	// that each was checked.
	require.Len(t, refused, len(c.EditDirs()), strings.Join(refused, "\n"))
	for _, line := range refused {
		require.Contains(t, line, "zz_mutants.go:8: uses os.Getenv;")
	}
}
