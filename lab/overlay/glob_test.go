package overlay_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/overlay"
)

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern string
		matches []string
		others  []string
	}{
		{"README.md", []string{"README.md"}, []string{"doc/README.md", "README.mdx"}},
		{"lab/mutants", []string{"lab/mutants", "lab/mutants/doc.go", "lab/mutants/2aa/x.go"}, []string{"lab/mutantsx", "lab", "x/lab/mutants"}},
		{"lab/mutants/", []string{"lab/mutants/doc.go"}, []string{"lab"}},
		{"lab/mutants/*/*.go", []string{"lab/mutants/2aa/x.go"}, []string{"lab/mutants/doc.go"}},
		{"**/*.svg", []string{"a.svg", "doc/a.svg", "doc/pictures/a.svg"}, []string{"a.svgz"}},
		{"doc/**/*.svg", []string{"doc/a.svg", "doc/x/y/a.svg"}, []string{"a.svg", "lab/doc/a.svg"}},
		{"doc/**", []string{"doc/a", "doc/a/b", "doc"}, []string{"docs/a"}},
		{"**", []string{"a", "a/b"}, nil},
		{"raft/*_internal_test.go", []string{"raft/log_internal_test.go"}, []string{"raft/log_test.go", "raft/x/log_internal_test.go"}},
		{"a/**/**/b", []string{"a/b", "a/x/b", "a/x/y/z/b/c"}, []string{"a/x", "b"}},
	}
	for _, test := range tests {
		t.Run(test.pattern, func(t *testing.T) {
			g, err := overlay.ParseGlob(test.pattern)
			require.NoError(t, err)
			for _, name := range test.matches {
				require.True(t, g.Match(name), name)
			}
			for _, name := range test.others {
				require.False(t, g.Match(name), name)
			}
		})
	}
}

func TestGlobMistakes(t *testing.T) {
	for pattern, want := range map[string]string{
		"":          `pattern "" is not a relative path`,
		"/lab":      `pattern "/lab" is not a relative path`,
		"lab//x":    `pattern "lab//x" is not a relative path`,
		"../secret": `pattern "../secret" is not a relative path`,
		"a**/b":     `pattern "a**/b": ** stands alone between slashes`,
		"a/[x":      `pattern "a/[x": "[x" is not closed properly`,
	} {
		_, err := overlay.ParseGlob(pattern)
		require.ErrorContains(t, err, want)
	}
}
