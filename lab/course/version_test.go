package course_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/labkv/labkv/lab/course"
	"github.com/stretchr/testify/require"
)

func TestVersionOf(t *testing.T) {
	for text, want := range map[string]string{
		"title: A\nversion: \"1.2\"\n":               "1.2",
		"version: 10.20\r\nprojects: []\n":           "10.20",
		"version: '3.0' # as of autumn\nfuture: yes": "3.0",
		"title: A\nprojects: []\n":                   "0.x",
		"  version: 1.2\n":                           "0.x",
		"version: none\n":                            "0.x",
		"":                                           "0.x",
	} {
		require.Equal(t, want, course.VersionOf([]byte(text)).String(), "%q", text)
	}
}

// People look for the version in the README and for what changed in the change log.
func TestVersionOfThisCourse(t *testing.T) {
	c, err := course.Load("../..")
	require.NoError(t, err)
	for name, line := range map[string]string{
		"../../README.md":         "This is version " + c.Version.String() + " of the course",
		"../../handout/README.md": "This is version " + c.Version.String() + " of the course",
		"../../CHANGELOG.md":      "\n## " + c.Version.String() + "\n",
	} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.True(t, strings.Contains(string(text), line), "%s does not say %q", name, line)
	}
}

// The board in the README is of this course.
func TestBoardInReadme(t *testing.T) {
	c, err := course.Load("../..")
	require.NoError(t, err)
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	tests := 0
	for _, s := range c.Stages() {
		tests += len(s.Tests)
		row := fmt.Sprintf(`│ %s +│ %s +│ %d of %[3]d passed │ +%d/%[4]d │`, s.ID, regexp.QuoteMeta(s.Title), len(s.Tests), s.Points)
		require.Regexp(t, row, string(text))
	}
	require.Contains(t, string(text), fmt.Sprintf("\n%d passed, 0 failed, 0 skipped\n", tests))
}
