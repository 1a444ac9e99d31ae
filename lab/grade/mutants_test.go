package grade_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/mutants"
)

func TestRunMutants(t *testing.T) {
	c := counting(t)
	catalog, err := mutants.Load(c.Root, c.Directives())
	require.NoError(t, err)
	r := &grade.Runner{Sandbox: sandbox(t, false), Timeout: 5 * time.Second}
	built, err := r.BuildWith(context.Background(), c, catalog)
	require.NoError(t, err)
	defer built.Close()
	report, err := r.RunMutants(context.Background(), built, catalog, nil)
	require.NoError(t, err)
	kills := report.Kills
	type fate struct {
		mutant, killer string
		status         grade.Status
		seed           uint64
	}
	var got []fate
	for _, k := range kills {
		f := fate{mutant: k.Mutant.Name}
		if k.Killer != nil {
			f.killer, f.status, f.seed = k.Killer.Test.Name, k.Killer.Status, k.Killer.Seed
		}
		got = append(got, f)
	}
	require.Equal(t, []fate{
		{"1/never-counts", "TestAdd1", grade.Failed, 0},
		{"1/stops-at-nine", "TestAddSeeds1", grade.Failed, 10},
		{"1/waits-forever", "TestAddSeeds1", grade.TimedOut, 3},
		{"1/wears-out", "TestAddSeeds1", grade.Failed, 0}, // it passes by never getting there
		{"2a/counts-negative", "", "", 0},
	}, got)

	var out bytes.Buffer
	require.NoError(t, kills.WriteTable(&out, grade.TableOptions{}))
	require.Regexp(t, `1/stops-at-nine +│ TestAddSeeds1, seed 10 +│ 10 +│ Add counts every call +│`, out.String())
	require.Contains(t, out.String(), "3 died of a test with seeds; the median of them took 10, the last 20\n")
	require.Contains(t, out.String(), "TestAddSeeds1, seed 3 (timed out)")
	require.Contains(t, out.String(), "\nSURVIVED: 2a/counts-negative  lab/mutants/2a/counts-negative.go\n    A sum of many counters is wrong, which no test looks at.\n")
	require.True(t, strings.HasSuffix(out.String(), "\nkilled 4/5\n"))

	out.Reset()
	clauses, err := grade.LoadClauses(c)
	require.NoError(t, err)
	require.NoError(t, report.WriteMarkdown(&out, clauses))
	_, tables, _ := strings.Cut(out.String(), "\n## ")
	require.Equal(t, `doc/counting.md, One counter, Promises

| | clause | tests | wrong solutions |
|---:|---|---|---|
| 1 | It counts. | §TestAdd1§ | §never-counts§ |
| 2 | It does not stop. | §TestAddSeeds1§, §TestSum2A§ | §stops-at-nine§, §waits-forever§, §wears-out§ |

## counter/counter.go, Wear

| | clause | tests | wrong solutions |
|---:|---|---|---|
| 1 | A counter lasts for at least twenty calls. | §TestAddSeeds1§ | §stops-at-nine§, §waits-forever§, §wears-out§ |

## Stage 1: one counter

| guarantee | source | tests | wrong solutions |
|---|---|---|---|
| Add returns the count | the counter contract | §TestAdd1§ | §never-counts§ |
| Add counts every call | the counter contract | §TestAddSeeds1§ | §stops-at-nine§, §waits-forever§, §wears-out§ |

## Stage 2a: many counters

| guarantee | source | tests | wrong solutions |
|---|---|---|---|
| Sum adds up | the counter contract | §TestSum2A§ | — |
| Sum of none is zero | the counter contract | §TestSumOfNone2A§ | — |
| Sum changes nothing | the counter contract | §TestSumKeeps2A§ | — |
`, strings.ReplaceAll(tables, "`", "§"))

	// What the table says is tried first. What is not so, or no longer, makes no difference.
	killers := grade.KnownKillers(c, out.String())
	names := map[string]string{}
	for mutant, tests := range killers {
		for _, test := range tests {
			names[mutant] += test.Name
		}
	}
	require.Equal(t, map[string]string{
		"1/never-counts": "TestAdd1", "1/stops-at-nine": "TestAddSeeds1", "1/waits-forever": "TestAddSeeds1", "1/wears-out": "TestAddSeeds1",
	}, names)
	killers["1/stops-at-nine"] = killers["1/never-counts"]
	killers["2a/counts-negative"] = []*course.Test{c.Stages()[1].Tests[0]}
	again, err := r.RunMutants(context.Background(), built, catalog, killers)
	require.NoError(t, err)
	for i, k := range again.Kills {
		require.Equal(t, kills[i].Killer != nil, k.Killer != nil, k.Mutant.Name)
		require.Equal(t, kills[i].Seeds, k.Seeds, k.Mutant.Name)
		if k.Killer != nil {
			require.Equal(t, kills[i].Killer.Test, k.Killer.Test, k.Mutant.Name)
		}
	}
}

// Each clause has tests, which exist, and each section that is named has clauses.
func TestClauses(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"2: [TestAddSeeds1, TestSum2A]", "", "doc/counting.md, One counter, Promises: item 2 has no test"},
		{"TestSum2A", "TestNone2A", "item 2: there is no test TestNone2A"},
		{"2: [", "3: [TestAdd1]\n    2: [", "there are tests for 3 items, and the section has 2"},
		{"Promises", "Promise", `there is no heading "Promise"`},
		{"[Wear]", "[]", "the section has no numbered items"},
		{"file: counter/counter.go", "file: counter/none.go", "none.go"},
		{"under", "over", "over"},
	} {
		course := counting(t)
		edit(t, course, "lab/mutants/clauses.yaml", c.old, c.new)
		_, err := grade.LoadClauses(course)
		require.ErrorContains(t, err, c.want)
	}
}

// If the tests fail without any mutant, they say nothing about mutants.
func TestMutantsNeedPassingTests(t *testing.T) {
	c := counting(t)
	edit(t, c, "counter/counter.go", "sum := 0", "sum := 1")
	catalog, err := mutants.Load(c.Root, c.Directives(), "2A")
	require.NoError(t, err)
	r := &grade.Runner{Sandbox: sandbox(t, false)}
	built, err := r.BuildWith(context.Background(), c, catalog)
	require.NoError(t, err)
	defer built.Close()
	_, err = r.RunMutants(context.Background(), built, catalog, nil)
	require.EqualError(t, err, "TestSum2A fails without any mutant: one and one is 3")
}
