package program

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
)

func TestVersion(t *testing.T) {
	c, err := course.Load("../..")
	require.NoError(t, err)
	require.Equal(t, c.Version.String(), Version, "course.yaml and Version in program.go differ")
}

func TestVersionText(t *testing.T) {
	for _, test := range []struct {
		settings []debug.BuildSetting
		want     string
	}{
		{nil, Version + " (go1.26.0)"},
		{[]debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "729a79470c1e0123456789"}, {Key: "vcs.modified", Value: "false"}},
			Version + " (revision 729a79470c1e, go1.26.0)"},
		{[]debug.BuildSetting{{Key: "vcs.revision", Value: "729a79470c1e0123456789"}, {Key: "vcs.modified", Value: "true"}},
			Version + " (revision 729a79470c1e with changes, go1.26.0)"},
	} {
		require.Equal(t, test.want, versionText(&debug.BuildInfo{GoVersion: "go1.26.0", Settings: test.settings}))
	}
}
