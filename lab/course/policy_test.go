package course_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
)

func TestPolicy(t *testing.T) {
	policy, err := course.ParsePolicy("policy.yaml", []byte("regrade: latest\n"))
	require.NoError(t, err)
	require.Equal(t, course.DefaultPolicy(), policy)

	name := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(name, []byte("time: 30m\nregrade: best\nhidden:\n  visibility: hidden\n  attempts: 3\n  every: 24h\n"), 0o644))
	policy, err = course.LoadPolicy(name)
	require.NoError(t, err)
	require.Equal(t, course.Policy{Time: 30 * time.Minute, Best: true, Visibility: "hidden", Attempts: 3, Every: 24 * time.Hour}, policy)

	_, err = course.LoadPolicy(name + ".none")
	require.ErrorContains(t, err, "read policy")
}

// All that is wrong with a policy is said at once, each with its line.
func TestPolicyErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"":                               "p.yaml:1: is empty",
		"tokens: 3\n":                    `p.yaml:1: unknown field "tokens"`,
		"hidden:\n  visibilty: hidden\n": `p.yaml:2: unknown field "visibilty"`,
		"time: 9\nregrade: mean\nhidden:\n  visibility: after_due\n  attempts: 0\n": `p.yaml:1: time is "9", and should be a positive time such as 9m or 24h
p.yaml:2: regrade is "mean", and should be latest or best
p.yaml:4: visibility is "after_due", and should be one of visible, after_due_date, after_published, hidden; did you mean after_due_date?
p.yaml:5: attempts is 0, and should be at least 1; without it there is no limit`,
		"hidden: {every: 24h}\n":      "p.yaml:1: every says when an attempt comes back, and there is no limit of attempts",
		"hidden:\n  attempts: many\n": `p.yaml:2: "many" does not belong here, a whole number does`,
	} {
		_, err := course.ParsePolicy("p.yaml", []byte(yaml))
		require.EqualError(t, err, want, yaml)
	}
}
