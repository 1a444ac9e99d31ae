package graded_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/graded"
	"github.com/stretchr/testify/require"
)

var claim = graded.Claim{Text: "it holds", Source: "the contract"}

// The bodies below run in processes of their own, started by child.
var bodies = map[string]func(t *testing.T){
	"TestPasses": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) { require.Equal(t, 1, 1) })
	},
	"TestRequires": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) {
			graded.Explain(t, "fate", "one\ntwo\n")
			require.Equal(t, 1, 2, "votes in term %d", 4)
		})
	},
	"TestErrorsTwice": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) {
			t.Error("first", 1)
			t.Fatalf("second %d", 2)
		})
	},
	"TestFailsInSubtest": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) {
			t.Run("fine", func(t *graded.T) {})
			t.Run("bad", func(t *graded.T) { t.Error("in a subtest") })
		})
	},
	"TestFailsInBubble": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) {
			t.Bubble(func(t *graded.T) {
				begin := time.Now()
				time.Sleep(time.Hour) // virtual
				t.Fatalf("waited %v", time.Since(begin))
			})
		})
	},
	"TestFailsInCleanup": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) { t.Cleanup(func() { t.Error("not clean") }) })
	},
	"TestFailsSilently": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) { t.FailNow() })
	},
	"TestSkips": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) { t.Skipf("no %s here", "disk") })
	},
	"TestPanics": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) {
			graded.Explain(t, "schedule", "crash")
			panic("broken")
		})
	},
	"TestCallsMissingFunction": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) {
			t.Bubble(func(t *graded.T) { panic("TODO(2AA): implement raft.New") })
		})
	},
	"TestMeetsMissingFunctionElsewhere": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) {
			answers := make(chan string)
			go func() {
				defer t.Catch(func(missing string) { answers <- missing })
				panic("TODO(2AA): implement raft.New")
			}()
			require.Equal(t, "TODO(2AA): implement raft.New", <-answers)
		})
	},
	"TestClaimsNothing": func(t *testing.T) {
		graded.Test(t, graded.Claim{Text: "it holds"}, func(t *graded.T) {})
	},
	"TestIsNested": func(t *testing.T) {
		t.Run("inner", func(t *testing.T) { graded.Test(t, claim, func(t *graded.T) {}) })
	},
	"TestSeeds": func(t *testing.T) {
		graded.Seeds(t, claim, 4, func(t *graded.T, seed uint64) uint64 {
			t.SetDigest(seed + 1)
			if seed == 3 {
				t.Fatal("three")
			}
			return seed
		})
	},
	"TestNoSeeds": func(t *testing.T) {
		graded.Seeds(t, claim, 0, func(t *graded.T, seed uint64) uint64 { return 0 })
	},
}

// TestMain runs one of bodies if child asks for it.
func TestMain(m *testing.M) {
	if name := os.Getenv("GRADED_CHILD"); name != "" {
		testing.Main(func(string, string) (bool, error) { return true, nil },
			[]testing.InternalTest{{Name: name, F: bodies[name]}}, nil, nil)
		return
	}
	os.Exit(m.Run())
}

// child runs a body in a new process and returns its records, what it printed,
// and whether it exited with status 0.
func child(t *testing.T, name string, env ...string) (records []graded.Record, output string, ok bool) {
	require.Contains(t, bodies, name)
	report := filepath.Join(t.TempDir(), "report")
	cmd := await.Command(t, await.Limit, os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "GRADED_CHILD="+name, "LABKV_REPORT="+report)...)
	out, err := cmd.CombinedOutput()
	data, readErr := os.ReadFile(report)
	if !os.IsNotExist(readErr) {
		require.NoError(t, readErr)
	}
	records, readErr = graded.ReadRecords(bytes.NewReader(data))
	require.NoError(t, readErr)
	return records, string(out), err == nil
}

func TestEnds(t *testing.T) {
	for _, want := range []struct {
		name, status, reason string
		ok                   bool
	}{
		{"TestPasses", graded.StatusPassed, "", true},
		{"TestRequires", graded.StatusFailed, "votes in term 4: Not equal: expected: 1, actual : 2", false},
		{"TestErrorsTwice", graded.StatusFailed, "first 1", false},
		{"TestFailsInSubtest", graded.StatusFailed, "in a subtest", false},
		{"TestFailsInBubble", graded.StatusFailed, "waited 1h0m0s", false},
		{"TestFailsInCleanup", graded.StatusFailed, "not clean", false},
		{"TestFailsSilently", graded.StatusFailed, "failed without a message; see its log", false},
		{"TestSkips", graded.StatusSkipped, "no disk here", true},
		{"TestPanics", graded.StatusFailed, "", false},
	} {
		t.Run(want.name, func(t *testing.T) {
			records, output, ok := child(t, want.name)
			require.Equal(t, want.ok, ok, output)
			require.Len(t, records, 2)
			require.Equal(t, graded.Record{Test: want.name, Event: graded.EventStart, Claim: claim.Text, Source: claim.Source}, records[0])
			require.Equal(t, graded.EventEnd, records[1].Event)
			require.Equal(t, want.status, records[1].Status)
			require.Equal(t, want.reason, records[1].Reason)
		})
	}
	records, _, _ := child(t, "TestRequires")
	require.Equal(t, []graded.Section{{Name: "fate", Text: "one\ntwo"}}, records[1].Sections)
}

// What is not a graded test leaves no record, and so cannot pass.
func TestMisuse(t *testing.T) {
	for name, want := range map[string]string{
		"TestClaimsNothing": "a test states its claim and the claim's source",
		"TestIsNested":      "TestIsNested/inner is a subtest; only top-level tests are graded",
		"TestNoSeeds":       "needs at least one seed",
	} {
		records, output, ok := child(t, name)
		require.False(t, ok)
		require.Empty(t, records)
		require.Contains(t, output, want)
	}
}

func TestSeeds(t *testing.T) {
	for _, test := range []struct {
		env  string
		want string // seed, status and digest of each end
		ok   bool
	}{
		{"", "1 passed 0000000000000001, 2 passed 0000000000000002, 3 failed 0000000000000004", false},
		{"LABKV_SEEDS=10-11,20", "10 passed 000000000000000a, 11 passed 000000000000000b, 20 passed 0000000000000014", true},
		{"LABKV_SEED=7", "7 passed 0000000000000007", true},
		{"LABKV_SEEDS=none", "", false},
	} {
		records, output, ok := child(t, "TestSeeds", test.env)
		require.Equal(t, test.ok, ok, output)
		var ends []string
		for _, r := range records {
			if r.Event == graded.EventEnd {
				ends = append(ends, fmt.Sprintf("%d %s %s", r.Seed, r.Status, r.Digest))
			}
		}
		require.Equal(t, test.want, strings.Join(ends, ", "))
	}
}

// Without a report, the log of the test explains the failure.
func TestPlainGoTest(t *testing.T) {
	cmd := await.Command(t, await.Limit, os.Args[0])
	cmd.Env = append(os.Environ(), "GRADED_CHILD=TestSeeds", "LABKV_REPORT=")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	for _, line := range []string{
		"--- FAIL: TestSeeds   seed 3",
		"    guarantee   it holds",
		"    source      the contract",
		"    found       three",
		"    replay      make replay TEST=TestSeeds SEED=3",
	} {
		require.Contains(t, string(out), line)
	}
}

// What is not written yet is said in one line, and not with a stack.
func TestPlainGoTestOfMissingFunction(t *testing.T) {
	for _, name := range []string{"TestCallsMissingFunction", "TestMeetsMissingFunctionElsewhere"} {
		cmd := await.Command(t, await.Limit, os.Args[0])
		cmd.Env = append(os.Environ(), "GRADED_CHILD="+name, "LABKV_REPORT=")
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "not implemented: raft.New; stage 2aa, see doc/project2-raftkv.md#leader-election\n")
		require.NotContains(t, string(out), "panic")
		require.NotContains(t, string(out), "goroutine")
	}
	_, output, ok := child(t, "TestMeetsMissingFunctionElsewhere")
	require.False(t, ok)
	require.Contains(t, output, "panic: TODO(2AA): implement raft.New", "the grading process looks for it")
}

func TestFailure(t *testing.T) {
	f := graded.Failure{
		Test:  "TestOneVote2AA",
		Seed:  17,
		Claim: graded.Claim{Text: "a server grants at most one vote in a term", Source: "Raft §5.2"},
		Found: "server 2 voted for 1 and for 3 in term 4",
		Sections: []graded.Section{
			{Name: "fate", Text: "voted at 3.1 s\n\nand at 3.2 s"},
			{Name: "a long name", Text: "text"},
		},
		Read: "doc/project2-raftkv.md#leader-election",
	}
	require.Equal(t, `--- FAIL: TestOneVote2AA   seed 17
    guarantee     a server grants at most one vote in a term
    source        Raft §5.2
    found         server 2 voted for 1 and for 3 in term 4
    fate          voted at 3.1 s

                  and at 3.2 s
    a long name   text
    replay        make replay TEST=TestOneVote2AA SEED=17
    read          doc/project2-raftkv.md#leader-election
`, f.String())
	require.Equal(t, "make replay TEST=TestX1", graded.Failure{Test: "TestX1"}.Replay())
}

func TestReadRecords(t *testing.T) {
	line := `{"test":"TestX1","event":"start","claim":"c","source":"s"}` + "\n"
	records, err := graded.ReadRecords(strings.NewReader(line + line[:20]))
	require.NoError(t, err, "a process can die while it writes")
	require.Len(t, records, 1)
	_, err = graded.ReadRecords(strings.NewReader(line + "PASS\n" + line))
	require.ErrorContains(t, err, "report line 2")
}

// Explain also takes a t of another kind.
func TestExplainElsewhere(t *testing.T) {
	graded.Explain(t, "fate", "is logged")
}
