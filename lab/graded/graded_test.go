package graded_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/graded"
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
	"TestPanicsInSubtest": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) {
			t.Run("inner", func(t *graded.T) { panic("broken") })
		})
	},
	"TestPanicsInBubble": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) {
			t.Bubble(func(t *graded.T) { panic("broken") })
		})
	},
	"TestPanicsInCleanup": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) { t.Cleanup(func() { panic("broken") }) })
	},
	"TestPanicsAfterFailure": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) {
			t.Error("it was wrong before")
			panic("broken")
		})
	},
	"TestGoexit": func(t *testing.T) {
		graded.Test(t, claim, func(t *graded.T) { runtime.Goexit() })
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

// words fail in the ways of testify.
var words = map[string]func(t *graded.T){
	"true":        func(t *graded.T) { require.True(t, false, "the store serves") },
	"equal":       func(t *graded.T) { require.Equal(t, 1, 2, "the count") },
	"equal lists": func(t *graded.T) { require.Equal(t, []string{"a", "b"}, []string{"a"}) },
	"error":       func(t *graded.T) { require.NoError(t, errors.New("disk full"), "Close") },
	"no error":    func(t *graded.T) { require.Error(t, nil) },
	"not nil":     func(t *graded.T) { require.NotNil(t, nil, "the leader is known") },
	"nil":         func(t *graded.T) { require.Nil(t, "x") },
	"empty":       func(t *graded.T) { require.Empty(t, []int{1}) },
	"long":        func(t *graded.T) { require.NoError(t, errors.New(strings.Repeat("x", 3000)+" the end")) },
}

func init() {
	for name, f := range words {
		bodies["TestWords/"+name] = func(t *testing.T) { graded.Test(t, claim, f) }
	}
}

// TestMain runs one of bodies if child asks for it.
func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv("GRADED_FORGED"); ok {
		forge(text)
		return
	}
	if name := os.Getenv("GRADED_CHILD"); name != "" {
		testing.Main(func(string, string) (bool, error) { return true, nil },
			[]testing.InternalTest{{Name: strings.ReplaceAll(name, "/", "_"), F: bodies[name]}}, nil, nil)
		return
	}
	os.Exit(m.Run())
}

// child runs a body in a new process and returns its records, what it printed,
// and whether it exited with status 0.
func child(t *testing.T, name string, env ...string) (records []graded.Record, output string, ok bool) {
	require.Contains(t, bodies, name)
	records, output, ok, wrong := report(t, append(env, "GRADED_CHILD="+name)...)
	require.NoError(t, wrong)
	return records, output, ok
}

// report runs this program with env and returns what it reports, what it printed, whether it
// exited with status 0, and what of the report is wrong.
func report(t *testing.T, env ...string) (records []graded.Record, output string, ok bool, wrong error) {
	channel, err := graded.NewChannel()
	require.NoError(t, err)
	defer channel.Close()
	cmd := await.Command(t, await.Limit, os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	channel.Attach(cmd)
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	require.NoError(t, cmd.Start())
	received := make(chan struct{})
	go func() {
		defer close(received)
		records, wrong = channel.Receive()
	}()
	err = cmd.Wait()
	channel.Finish()
	<-received
	return records, printed.String(), err == nil, wrong
}

// forge writes to the report what is not the harness's, as a program might that has found
// the pipe. What begins with + comes after the challenge has been read.
func forge(text string) {
	var report, challenge int
	fmt.Sscanf(os.Getenv("LABKV_REPORT"), "%d,%d", &report, &challenge)
	out := os.NewFile(uintptr(report), "report")
	if after, ok := strings.CutPrefix(text, "+"); ok {
		io.WriteString(out, "ready\n")
		io.ReadFull(os.NewFile(uintptr(challenge), "challenge"), make([]byte, 32))
		text = after
	}
	if text == "endless" {
		for line := strings.Repeat("x", 1<<20); ; {
			if _, err := io.WriteString(out, line); err != nil {
				return
			}
		}
	}
	io.WriteString(out, text)
}

func TestEnds(t *testing.T) {
	for _, want := range []struct {
		name, status, reason string
		ok                   bool
	}{
		{"TestPasses", graded.StatusPassed, "", true},
		{"TestRequires", graded.StatusFailed, "votes in term 4: it is 2 and should be 1", false},
		{"TestErrorsTwice", graded.StatusFailed, "first 1", false},
		{"TestFailsInSubtest", graded.StatusFailed, "in a subtest", false},
		{"TestFailsInBubble", graded.StatusFailed, "waited 1h0m0s", false},
		{"TestFailsInCleanup", graded.StatusFailed, "not clean", false},
		{"TestFailsSilently", graded.StatusFailed, "failed without a message; see its log", false},
		{"TestSkips", graded.StatusSkipped, "no disk here", true},
		{"TestPanics", graded.StatusFailed, "", false},
		{"TestPanicsInSubtest", graded.StatusFailed, "", false},
		{"TestPanicsInBubble", graded.StatusFailed, "", false},
		{"TestPanicsInCleanup", graded.StatusFailed, "", false},
		{"TestPanicsAfterFailure", graded.StatusFailed, "it was wrong before", false},
		{"TestGoexit", graded.StatusFailed, "", false},
	} {
		t.Run(want.name, func(t *testing.T) {
			records, output, ok := child(t, want.name)
			require.Equal(t, want.ok, ok, output)
			require.Len(t, records, 2)
			require.Equal(t, graded.Record{Test: want.name, Event: graded.EventStart, Claim: claim.Text, Source: claim.Source}, records[0])
			require.Equal(t, graded.EventEnd, records[1].Event)
			require.Equal(t, want.status, records[1].Status)
			require.Equal(t, want.reason, records[1].Reason)
			crash := records[1].Crash
			switch {
			case strings.HasPrefix(want.name, "TestPanics"):
				require.Equal(t, "panic: broken", crash.Message)
				require.Contains(t, crash.Stack, "graded_test.go", "the stack has the function that panicked")
			case want.name == "TestGoexit":
				require.Contains(t, crash.Message, "runtime.Goexit")
				require.Contains(t, crash.Stack, "graded_test.go")
			default:
				require.Nil(t, crash)
			}
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

// A panic is explained there, too, with the function and the line.
func TestPlainGoTestPanics(t *testing.T) {
	for _, name := range []string{"TestPanics", "TestPanicsInSubtest", "TestPanicsInBubble", "TestPanicsInCleanup"} {
		cmd := await.Command(t, await.Limit, os.Args[0])
		cmd.Env = append(os.Environ(), "GRADED_CHILD="+name, "LABKV_REPORT=")
		out, err := cmd.CombinedOutput()
		require.Error(t, err, name)
		require.Contains(t, string(out), "--- FAIL: "+name+"\n", name)
		require.Regexp(t, `found       panic: broken, in graded_test\.\S+ \(lab/graded/graded_test.go:\d+\)\n`, string(out), name)
		require.Regexp(t, `stack       lab/graded/graded_test.go:\d+  graded_test\.`, string(out), name)
	}
}

// What testify finds is put into words.
func TestReasonsAreInWords(t *testing.T) {
	for name, want := range map[string]string{
		"true":        "the store serves",
		"equal":       "the count: it is 2 and should be 1",
		"equal lists": `it is []string{"a"} and should be []string{"a", "b"}`,
		"error":       "Close: it fails with the error: disk full",
		"no error":    "it should fail with an error, and does not",
		"not nil":     "the leader is known",
		"nil":         `it is "x" and should be nil`,
		"empty":       "it should be empty and is [1]",
		"long":        "it fails with the error: " + strings.Repeat("x", 875) + " … " + strings.Repeat("x", 492) + " the end",
	} {
		records, output, _ := child(t, "TestWords/"+name)
		require.Len(t, records, 2, output)
		require.Equal(t, want, records[1].Reason, name)
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

// A report is the harness's, or it is none. A process can die while it writes.
func TestForgedReport(t *testing.T) {
	const (
		record  = `{"test":"TestX1","event":"end","status":"passed","claim":"c","source":"s"}`
		begins  = "the report does not begin as the harness begins it"
		line2   = "line 2 of the report is not the harness's"
		noCode  = "0000000000000000000000000000000000000000000000000000000000000000"
		endless = "the report is larger than 64 MiB"
	)
	for _, c := range []struct{ text, wrong string }{
		{"", ""},
		{"rea", ""},
		{"ready\n", ""},
		{"+", ""},
		{"+" + record, ""},
		{record + "\n", begins},
		{"ready\r\n", begins},
		{"ready\n" + record + "\n", line2},
		{"+" + record + "\n", line2},
		{"+" + noCode + " " + record + "\n", line2},
		{"+\n", line2},
		{"+ready\n", line2},
		{"endless", endless},
		{"+endless", endless},
	} {
		records, _, _, wrong := report(t, "GRADED_FORGED="+c.text)
		require.Empty(t, records, "%q", c.text)
		if c.wrong == "" {
			require.NoError(t, wrong, "%q", c.text)
		} else {
			require.EqualError(t, wrong, c.wrong, "%q", c.text)
		}
	}
}

// Explain also takes a t of another kind.
func TestExplainElsewhere(t *testing.T) {
	graded.Explain(t, "fate", "is logged")
}
