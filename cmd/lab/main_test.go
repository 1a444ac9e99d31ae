package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/course"
)

// TestMain is the program itself if a test, or the program, starts it as such.
func TestMain(m *testing.M) {
	if os.Getenv("LAB_MAIN") != "" || len(os.Args) > 1 && os.Args[1] == "sandbox" {
		main()
	}
	os.Exit(m.Run())
}

// lab runs the program in a directory.
func lab(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := await.Command(t, await.BuildLimit, self, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LAB_MAIN=1", "PWD="+dir)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// counting makes a small course, a Go module of its own that takes the harness
// from this tree. Its solution is complete.
func counting(t *testing.T) string {
	root := t.TempDir()
	require.NoError(t, os.CopyFS(root, os.DirFS("../../lab/grade/testdata/course")))
	house, err := filepath.Abs("../..")
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(house, "go.mod"))
	require.NoError(t, err)
	text := regexp.MustCompile(`(?m)^module .*$`).ReplaceAllString(string(mod), "module example.com/counting")
	text += "\nrequire github.com/labkv/labkv v0.0.0\n\nreplace github.com/labkv/labkv => " + filepath.ToSlash(house) + "\n"
	write(t, root, "go.mod", text)
	sum, err := os.ReadFile(filepath.Join(house, "go.sum"))
	require.NoError(t, err)
	write(t, root, "go.sum", string(sum))
	return root
}

func write(t *testing.T, root, name, text string) {
	path := filepath.Join(root, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func edit(t *testing.T, root, name, old, new string) {
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	require.NoError(t, err)
	require.Contains(t, string(data), old)
	write(t, root, name, strings.Replace(string(data), old, new, 1))
}

// Wrong usage is one line on standard error, and exit code 2.
func TestUsage(t *testing.T) {
	root := counting(t)
	for _, test := range []struct {
		args string
		want string
	}{
		{"bogus", `unknown command "bogus" for "lab"`},
		{"tset 1", `unknown command "tset" for "lab"; did you mean test?`},
		{"test --bogus", "unknown flag: --bogus"},
		{"test --sed 4", "unknown flag: --sed; did you mean --seed?"},
		{"grade x --stge 1", "unknown flag: --stge; did you mean --stage?"},
		{"test 7", `unknown stage "7": there is 1, 2a, 8, 9`},
		{"test TestNone1", `unknown test "TestNone1": "lab explain STAGE" lists the tests of a stage`},
		{"test testadseeds1", `unknown test "testadseeds1"; did you mean TestAddSeeds1?`},
		{"test addseeds1", `unknown stage "addseeds1"; did you mean the test TestAddSeeds1?`},
		{"test 2a/TestAdd1", `TestAdd1 is not a test of stage 2a but of 1`},
		{"test --format pdf", `unknown format "pdf": there is table, json, junit, csv, html, gradescope, github, markdown`},
		{"test --format jsn", `unknown format "jsn": there is table, json, junit, csv, html, gradescope, github, markdown; did you mean json?`},
		{"test --jobs -1", "--jobs and --timeout are positive"},
		{"test --seeds 3 --seed 4", "if any flags in the group [seeds seed quick] are set none of the others can be; [seed seeds] were all set"},
		{"test --quick --seed 4", "if any flags in the group [seeds seed quick] are set none of the others can be; [quick seed] were all set"},
		{"test --seeds 9999999", `invalid argument "9999999" for "--seeds" flag: seeds "1-9999999" are more than 1000000`},
		{"test --seeds 9-5", `invalid argument "9-5" for "--seeds" flag: seeds "9-5" run backwards`},
		{"test --seed x", `invalid argument "x" for "--seed" flag: seed "x" is not a positive number (write seeds like 1-20 or 3,17)`},
		{"test --seed 0", `invalid argument "0" for "--seed" flag: seed "0" is not a positive number (write seeds like 1-20 or 3,17)`},
		{"replay", "accepts 1 arg(s), received 0"},
		{"replay TestNone1", `unknown test "TestNone1": "lab explain STAGE" lists the tests of a stage`},
		{"replay TestAddSeeds1", "TestAddSeeds1 has seeds: name one with --seed, such as --seed 1; lab test TestAddSeeds1 runs them all"},
		{"replay TestAddSeeds1 --seed 3-4", "replay runs one seed, and --seed 3-4 is 2: lab test TestAddSeeds1 --seed 3-4 runs them all"},
		{"watch 7", `unknown stage "7": there is 1, 2a, 8, 9`},
		{"trace", "accepts 1 arg(s), received 0"},
		{"trace none", "open none: no such file or directory"},
		{"trace course.yaml", "course.yaml: trace: no header: invalid character 'i' in literal true (expecting 'r')"},
		{"trace course.yaml --from 2s --to 1s", "--from 2s is after --to 1s"},
		{"view", "accepts between 1 and 2 arg(s), received 0"},
		{"view none.jsonl", "stat none.jsonl: no such file or directory"},
		{"view none/TestAdd1", "stat none/TestAdd1: no such file or directory"},
		{"view course.yaml", "course.yaml: trace: no header: invalid character 'i' in literal true (expecting 'r')"},
		{"view course.yaml course.yaml course.yaml", "accepts between 1 and 2 arg(s), received 3"},
		{"view TestAddSeeds1", "TestAddSeeds1 has seeds: name one with --seed, such as --seed 1"},
		{"view testaddseeds1 --seed 17", "there is no out/traces/TestAddSeeds1-17.jsonl yet: make it with lab replay TestAddSeeds1 --seed 17"},
		{"view TestNone1", `unknown test "TestNone1": "lab explain STAGE" lists the tests of a stage`},
		{"fuzz 2a", "none of these tests has seeds"},
		{"fuzz --for -1s", "--for is a positive time, such as 10m"},
		{"fuzz 1 --shard 1/2", "--shard needs --from, the same on all machines: a random first seed differs on each"},
		{"fuzz 1 --from 1 --shard 3/2", `invalid argument "3/2" for "--shard" flag: there is no part 3 of 2`},
		{"explain", "requires at least 1 arg(s), only received 0"},
		{"explain 7", `unknown stage "7": there is 1, 2a, 8, 9`},
		{"grade", "requires at least 1 arg(s), only received 0"},
		{"grade x --stage 7", `unknown stage "7": there is 1, 2a, 8, 9`},
		{"grade x --hidden none", "hidden tests need a list: stat none/course.yaml: no such file or directory"},
		{"grade submissions/* x.zip", "there is no submissions/*, no x.zip"},
		{"verify none x", "open none: no such file or directory"},
		{"merge none", "there is no none/grades.json, which lab grade --format json --out none writes"},
		{"grade x y --format github", "--format github is about one submission, and there are 2"},
		{"grade x --policy none", "read policy: open none: no such file or directory"},
		{"autograder", "accepts 1 arg(s), received 0"},
		{"mutants 7", `unknown stage "7": there is 1, 2a, 8, 9`},
		{"handout", "accepts 1 arg(s), received 0"},
		{"status 7", `unknown stage "7": there is 1, 2a, 8, 9`},
		{"-C / status", "no course.yaml in / or above it: go to the course's folder first"},
	} {
		code, stdout, stderr := lab(t, root, strings.Fields(test.args)...)
		require.Equal(t, exitUsage, code, "%s: %s", test.args, stderr)
		require.Equal(t, "lab: "+test.want+"\n", stderr, test.args)
		require.Empty(t, stdout, test.args)
	}
}

// What is wrong with the course itself is the harness's failure.
func TestBrokenCourse(t *testing.T) {
	root := counting(t)
	edit(t, root, "course.yaml", "points: 5", "points: five")
	code, _, stderr := lab(t, root, "test")
	require.Equal(t, exitHarness, code)
	require.Equal(t, "lab: course.yaml:24: \"five\" does not belong here, a whole number does\n", stderr)

	root = counting(t)
	edit(t, root, "counter/counter_test.go", "func TestSum2A", "func TestSums2A")
	code, _, stderr = lab(t, root, "test")
	require.Equal(t, exitHarness, code)
	require.Equal(t, "lab: course.yaml:29: TestSum2A is not in package counter\n"+
		"counter/counter_test.go:43: TestSums2A is not among the tests of stage 2a in course.yaml\n", stderr)
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"-h"}, {"test", "-h"}, {"replay", "-h"}, {"trace", "-h"}, {"view", "-h"}, {"fuzz", "-h"}, {"status", "-h"}, {"watch", "-h"}, {"explain", "-h"}, {"handout", "-h"}, {"grade", "-h"}, {"autograder", "-h"}, {"diagnose", "-h"}, {"merge", "-h"}, {"verify", "-h"}, {"mutants", "-h"}} {
		code, stdout, stderr := lab(t, t.TempDir(), args...)
		require.Equal(t, exitPassed, code)
		require.Contains(t, stdout, "Examples:")
		require.NotRegexp(t, `(?m)^  sandbox`, stdout)
		require.Empty(t, stderr)
	}
}

func TestTestCommand(t *testing.T) {
	root := counting(t)
	code, stdout, stderr := lab(t, root, "test", "1", "2A")
	require.Equal(t, exitPassed, code, stderr)
	require.True(t, strings.HasSuffix(stdout, "\nscore 15/15\n5 passed, 0 failed, 0 skipped\n"), stdout)
	require.NotContains(t, stdout, "\x1b")
	require.Empty(t, stderr)

	// From a folder inside, with other seeds.
	code, stdout, _ = lab(t, filepath.Join(root, "counter"), "test", "TestAddSeeds1", "--seeds", "30")
	require.Equal(t, exitPassed, code)
	require.Contains(t, stdout, "passed, 30 seeds")
	require.Contains(t, stdout, "\nscore 2.5/2.5\n")
	for args, want := range map[string]string{"--seeds 3,17,40-42": "passed, 5 seeds", "--seed 5-9": "passed, 5 seeds", "--seeds 5-9,7": "passed, 5 seeds", "--quick": "passed, 3 seeds"} {
		code, stdout, stderr = lab(t, root, append([]string{"test", "1/testaddseeds1"}, strings.Fields(args)...)...)
		require.Equal(t, exitPassed, code, stderr)
		require.Contains(t, stdout, want, args)
	}
	require.Contains(t, stdout, "score 2.5/2.5")

	edit(t, root, "counter/counter.go", "c.n++", "if c.n < 25 {\n\t\tc.n++\n\t}")
	code, stdout, _ = lab(t, root, "test", "1")
	require.Equal(t, exitPassed, code, "the seeds of the grade do not show it")
	require.Contains(t, stdout, "score 10/10")
	code, stdout, _ = lab(t, root, "test", "1", "--seed", "26", "--format", "json,junit,markdown", "--out", "results")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "score 7.5/10\n1 passed, 1 failed, 0 skipped\n", stdout)
	for _, name := range []string{"report.json", "report.xml", "report.md"} {
		require.FileExists(t, filepath.Join(root, "results", name))
	}
}

func TestReplayCommand(t *testing.T) {
	root := counting(t)
	code, stdout, _ := lab(t, root, "replay", "testaddseeds1", "--seed", "17")
	require.Equal(t, exitPassed, code)
	require.Equal(t, "run 1: passed, digest 0000000000000011\nrun 2: passed, digest 0000000000000011\nreplays exactly\n", stdout)

	edit(t, root, "counter/counter.go", "c.n++", "if c.n < 9 {\n\t\tc.n++\n\t}")
	code, stdout, _ = lab(t, root, "replay", "TestAddSeeds1", "--seed", "17", "--log")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "counter_test.go:37: the count is 9 after adding 17 times")
	require.Contains(t, stdout, "    schedule    add, again and again\n")
	require.Contains(t, stdout, "run 2: failed, digest 0000000000000009, the count is 9 after adding 17 times\nreplays exactly\n")

	// Two processes differ in when they were started.
	edit(t, root, "counter/counter.go", "package counter\n", "package counter\n\nimport \"time\"\n\nvar start = int(time.Now().UnixNano())\n")
	edit(t, root, "counter/counter.go", "return c.n\n", "return c.n + start\n")
	code, stdout, _ = lab(t, root, "replay", "TestAddSeeds1", "--seed", "17")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "the digests differ: your code is nondeterministic here")

	code, stdout, _ = lab(t, root, "replay", "TestSum2A")
	require.Equal(t, exitPassed, code)
	require.Equal(t, "run 1: passed, digest none\nrun 2: passed, digest none\nthe same verdict twice\n", stdout)
}

// A test that keeps the log of its run does so where replay says, and as replay is
// asked to. It is drawn, and the log of an earlier run that was another one stays.
func TestReplayKeepsTrace(t *testing.T) {
	root := counting(t)
	edit(t, root, "counter/counter_test.go", "import (\n", "import (\n\t\"fmt\"\n\t\"os\"\n\t\"path/filepath\"\n")
	edit(t, root, "counter/counter_test.go", "t.SetDigest(uint64(count))", `t.SetDigest(uint64(count))
		log := fmt.Sprintf("{\"version\":2,\"test\":\"TestAddSeeds1\",\"seed\":%d,\"machines\":[{\"id\":1,\"role\":\"node\"}],\"digest\":\"%t\"}\n{\"at\":1000000000,\"kind\":\"start\",\"store\":1}\n{\"at\":2000000000,\"kind\":\"crash\",\"store\":2}\n", seed, graded.Thorough())
		if err := os.WriteFile(filepath.Join(os.Getenv("LABKV_TRACE"), fmt.Sprintf("TestAddSeeds1-%d.jsonl", seed)), []byte(log), 0o644); err != nil {
			t.Fatal(err)
		}`)
	traces := filepath.Join("out", "traces")
	name := filepath.Join(traces, "TestAddSeeds1-17.jsonl")
	page := filepath.Join(traces, "TestAddSeeds1-17.html")
	code, stdout, stderr := lab(t, root, "replay", "TestAddSeeds1", "--seed", "17")
	require.Equal(t, exitPassed, code, stderr)
	require.True(t, strings.HasSuffix(stdout, "replays exactly\ntrace: "+name+"\npicture: "+page+"\n"), stdout)
	require.FileExists(t, filepath.Join(root, page))
	code, stdout, stderr = lab(t, root, "trace", name, "--from", "1.5s")
	require.Equal(t, exitPassed, code, stderr)
	require.Equal(t, "TestAddSeeds1 seed 17, 1 node, digest false\n  2.000000s  store 2  crash\n", stdout)

	// Another run.
	code, stdout, stderr = lab(t, root, "replay", "TestAddSeeds1", "--seed", "17", "--minimize")
	require.Equal(t, exitPassed, code, stderr)
	before := filepath.Join(traces, "TestAddSeeds1-17.before.jsonl")
	require.Contains(t, stdout, "before: "+before+", another run")
	code, stdout, stderr = lab(t, root, "trace", name, "--to", "1.5s", "--store", "1")
	require.Equal(t, exitPassed, code, stderr)
	require.Equal(t, "TestAddSeeds1 seed 17, 1 node, digest true\n  1.000000s  node 1  start\n", stdout)
	code, stdout, stderr = lab(t, root, "view", name, before, "--no-open")
	require.Equal(t, exitPassed, code, stderr)
	require.Contains(t, stdout, "picture: ")

	// The same once more: the last run that was another stays.
	code, stdout, stderr = lab(t, root, "replay", "TestAddSeeds1", "--seed", "17", "--minimize")
	require.Equal(t, exitPassed, code, stderr)
	require.Contains(t, stdout, "before: "+before+", another run")
	code, stdout, stderr = lab(t, root, "trace", before)
	require.Equal(t, exitPassed, code, stderr)
	require.Contains(t, stdout, "digest false")

	// A run that leaves no log leaves the logs that there are.
	edit(t, root, "counter/counter_test.go", "log := fmt.Sprintf(", "t.Fatalf(\"%d\", count)\n\t\tlog := fmt.Sprintf(")
	code, _, stderr = lab(t, root, "replay", "TestAddSeeds1", "--seed", "17")
	require.Equal(t, exitFailed, code, stderr)
	files, err := os.ReadDir(filepath.Join(root, traces))
	require.NoError(t, err)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	require.Equal(t, []string{"TestAddSeeds1-17.before.jsonl", "TestAddSeeds1-17.html", "TestAddSeeds1-17.jsonl"}, names)
}

// The page of a log is next to it, or where --out says. A test stands for its log.
func TestViewCommand(t *testing.T) {
	root := counting(t)
	const log = "{\"version\":2,\"test\":\"TestAddSeeds1\",\"seed\":17,\"machines\":[{\"id\":1,\"role\":\"node\"}]}\n{\"at\":1000000000,\"kind\":\"start\",\"store\":1}\n"
	traces := filepath.Join("out", "traces")
	name := filepath.Join(traces, "TestAddSeeds1-17.jsonl")
	write(t, root, name, log)
	page := filepath.Join(traces, "TestAddSeeds1-17.html")
	pages := func(file string) int {
		data, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		require.Contains(t, string(data), "<title>TestAddSeeds1, seed 17")
		return strings.Count(string(data), `<script type="application/octet-stream" class="log">`)
	}
	// Standard output is no terminal here: no browser opens.
	for _, args := range [][]string{{name}, {"TestAddSeeds1", "--seed", "17"}, {"testaddseeds1", "--seed", "17", "--no-open"}} {
		code, stdout, stderr := lab(t, root, append([]string{"view"}, args...)...)
		require.Equal(t, exitPassed, code, stderr)
		require.Equal(t, "picture: "+page+"\n", stdout)
		require.Equal(t, 1, pages(page))
		require.NoError(t, os.Remove(filepath.Join(root, page)))
	}
	for _, args := range [][]string{{name, name}, {"TestAddSeeds1", name, "--seed", "17"}} {
		code, stdout, stderr := lab(t, root, append([]string{"view", "--out", "a/b.html"}, args...)...)
		require.Equal(t, exitPassed, code, stderr)
		require.Equal(t, "picture: "+filepath.Join("a", "b.html")+"\n", stdout)
		require.Equal(t, 2, pages("a/b.html"))
	}

	// What there is of a log that is cut off is shown.
	write(t, root, "cut.jsonl", log+`{"at":2000000000,"ki`)
	code, stdout, stderr := lab(t, root, "view", "cut.jsonl")
	require.Equal(t, exitPassed, code, stderr)
	require.Equal(t, "picture: cut.html\n", stdout)
	require.Contains(t, stderr, "lab: cut.jsonl: trace: event 2, the last one, is cut off: ")
	require.Contains(t, stderr, "; the page shows what comes before\n")
	code, stdout, stderr = lab(t, root, "trace", "cut.jsonl")
	require.Equal(t, exitPassed, code, stderr)
	require.Contains(t, stdout, "  1.000000s  node 1  start\n")
	require.Contains(t, stderr, "is cut off: ")

	// A log is never overwritten, and a page that shows nothing is never written.
	code, _, stderr = lab(t, root, "view", "TestAddSeeds1", "--seed", "17", "--out", name)
	require.Equal(t, exitUsage, code)
	require.Equal(t, "lab: --out "+name+" is the log itself\n", stderr)
	write(t, root, "header.jsonl", `{"version":2}`)
	code, _, stderr = lab(t, root, "view", "header.jsonl")
	require.Equal(t, exitUsage, code)
	require.Equal(t, "lab: header.jsonl: the log has no events\n", stderr)
	require.NoFileExists(t, filepath.Join(root, "header.html"))

	write(t, root, "old.jsonl", strings.Replace(log, `"version":2`, `"version":1`, 1))
	code, _, stderr = lab(t, root, "view", "old.jsonl")
	require.Equal(t, exitUsage, code)
	require.Equal(t, "lab: old.jsonl: the log has version 1, and the page shows version 2: write it again with lab replay\n", stderr)
}

// A failure names the picture of its run.
func TestFailureIsDrawn(t *testing.T) {
	root := counting(t)
	edit(t, root, "counter/counter.go", "c.n++", "if c.n < 9 {\n\t\tc.n++\n\t}")
	edit(t, root, "counter/counter_test.go", "import (\n", "import (\n\t\"os\"\n\t\"path/filepath\"\n")
	edit(t, root, "counter/counter_test.go", "t.SetDigest(uint64(count))", `t.SetDigest(uint64(count))
		name := filepath.Join(os.Getenv("LABKV_FAILURES"), "log.jsonl")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("{\"version\":2,\"machines\":[]}\n{\"at\":1,\"kind\":\"heal\"}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		graded.Explain(t, "trace", name)`)
	code, stdout, _ := lab(t, root, "test", "TestAddSeeds1")
	require.Equal(t, exitFailed, code)
	page := filepath.Join("out", "traces", "log.html")
	require.Contains(t, stdout, "    picture     "+page+"\n")
	require.FileExists(t, filepath.Join(root, page))

	edit(t, root, "counter/counter_test.go", `version`, `no log`)
	code, stdout, _ = lab(t, root, "test", "TestAddSeeds1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "    trace       "+filepath.Join("out", "traces", "log.jsonl")+" (there is no picture of it: ")
}

func TestFuzzCommand(t *testing.T) {
	root := counting(t)
	code, stdout, _ := lab(t, root, "fuzz", "1", "--for", "1ms", "--from", "1")
	require.Equal(t, exitPassed, code)
	require.Equal(t, "seeds 1 to 10: 10 runs, all passed\n", stdout)

	// The second of three machines begins after the first one's round.
	code, stdout, _ = lab(t, root, "fuzz", "1", "--for", "1ms", "--from", "1", "--shard", "2/3")
	require.Equal(t, exitPassed, code)
	require.Equal(t, "part 2/3: seeds 11 to 20, the first 10 of every 30: 10 runs, all passed\n", stdout)

	edit(t, root, "counter/counter.go", "c.n++", "if c.n < 100 {\n\t\tc.n++\n\t}")
	code, stdout, _ = lab(t, root, "fuzz", "1", "--for", "1h", "--from", "1", "--shard", "3/3", "--out", "third")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "--- FAIL: TestAddSeeds1   seed 111\n")
	require.Contains(t, stdout, "part 3/3: seeds 21 to 120, the first 10 of every 30: 1 of 1 tests failed; kept in "+filepath.Join("third", "fuzz"))

	code, stdout, _ = lab(t, root, "fuzz", "1", "--for", "1h", "--from", "1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stdout, "--- FAIL: TestAddSeeds1   seed 101\n")
	require.Contains(t, stdout, "seeds 1 to 110: 1 of 1 tests failed; kept in "+filepath.Join("out", "fuzz"))
	kept, err := os.ReadFile(filepath.Join(root, "out", "fuzz", "TestAddSeeds1-101.txt"))
	require.NoError(t, err)
	require.Contains(t, string(kept), "make replay TEST=TestAddSeeds1 SEED=101")
}

func TestStatusCommand(t *testing.T) {
	root := counting(t)
	edit(t, root, "counter/counter.go", "sum := 0\n\tfor _, c := range counters {\n\t\tsum += c.n\n\t}\n\treturn sum", `panic("TODO(2A): implement counter.Sum")`)
	code, stdout, _ := lab(t, root, "status", "--timeout", "2s")
	require.Equal(t, exitPassed, code)
	require.Regexp(t, `│ 1 +│ one counter +│ +1 of 1 │ +2 of 2 │ +10/10 │`, stdout)
	require.Regexp(t, `│ 2a +│ many counters +│ +0 of 1 │ +0 of 3 │ +0/5 │`, stdout)
	require.True(t, strings.HasSuffix(stdout, `
Next: stage 2a, many counters.

    write   counter.Sum                              counter/counter.go:26
    read    doc/counting.md#many
    run     make project2a
    ask     go run ./cmd/lab explain 2a
`), stdout)

	code, stdout, _ = lab(t, root, "status", "1")
	require.Equal(t, exitPassed, code)
	require.NotContains(t, stdout, "many counters")
	require.True(t, strings.HasSuffix(stdout, "\nEverything passes with 3 seeds a test. Grade it: make projects. Then try fresh schedules: go run ./cmd/lab fuzz --for 10m\n"), stdout)
}

func TestExplainCommand(t *testing.T) {
	root := counting(t)
	code, stdout, _ := lab(t, root, "explain", "1", "1/TestAddSeeds1")
	require.Equal(t, exitPassed, code)
	require.Equal(t, `Stage 1: one counter, 10 points

    read   doc/counting.md#one
    run    make project1
    edit   counter

Functions to write:

    done   (*Counter).Add                           counter/counter.go:18

Hints:

    - Count.

Tests:

    TestAdd1
    TestAddSeeds1                                                20 seeds

TestAddSeeds1, stage 1 (one counter)

    TestAddSeeds1 adds as often as the seed says, or until the counter is worn out.

    where  counter/counter_test.go:23
    worth  2.5 of 10 points
    seeds  1-20
    run    make replay TEST=TestAddSeeds1 SEED=1
    read   doc/counting.md#one
`, stdout)
}

func TestHandoutCommand(t *testing.T) {
	root := counting(t)
	dir := filepath.Join(t.TempDir(), "handout")
	code, stdout, stderr := lab(t, root, "handout", dir)
	require.Equal(t, exitPassed, code, stderr)
	require.Contains(t, stdout, dir+" holds the handout of version 2.1")
	require.NoFileExists(t, filepath.Join(dir, "counter", "solution_test.go"))

	code, stdout, _ = lab(t, dir, "test", "1", "2a")
	require.Equal(t, exitFailed, code)
	require.True(t, strings.HasSuffix(stdout, "\nscore 0/15\n0 passed, 5 failed, 0 skipped\n"), stdout)
	require.Contains(t, stdout, "not implemented: counter.(*Counter).Add")

	// What was made of it can be graded, and says which version it was made for.
	edit(t, root, "course.yaml", "version: \"2.1\"", "version: \"3.0\"")
	_, stdout, _ = lab(t, root, "grade", dir, "--stage", "1", "--unconfined")
	require.Contains(t, stdout, "made for version 2.1 of the course, this is version 3.0: get the handout")

	// What students must not get is not handed out with the tree that it lies in.
	other := dir + "2"
	for _, name := range []string{"results/grades.json", "results/receipts/ann.json", "submissions/Ann.ZIP", "submissions/ben.tar.gz", "hidden/course.yaml"} {
		write(t, root, name, "{}")
		for _, command := range []string{"handout", "autograder"} {
			code, _, stderr = lab(t, root, command, other)
			require.Equal(t, exitUsage, code)
			require.Contains(t, stderr, "lab: "+name+" is in the tree, and so students would get it")
			require.NoDirExists(t, other)
		}
		require.NoError(t, os.Remove(filepath.Join(root, filepath.FromSlash(name))))
	}
	write(t, root, "lab/mutants/course.yaml", "is excluded")
	write(t, root, "testdata/course.yaml", "is for a test")
	code, _, stderr = lab(t, root, "handout", other)
	require.Equal(t, exitPassed, code, stderr)

	code, _, stderr = lab(t, root, "handout", dir)
	require.Equal(t, exitUsage, code)
	require.Equal(t, "lab: "+dir+" is not empty: name a new or an empty directory\n", stderr)
}

// This tree has nothing of students.
func TestNothingOfStudents(t *testing.T) {
	c, err := course.Load("../..")
	require.NoError(t, err)
	require.NoError(t, nothingOfStudents(await.Context(t, "the list of files"), c))
}

func TestGradeCommand(t *testing.T) {
	root := counting(t)
	out := filepath.Join(t.TempDir(), "results")
	missing := filepath.Join(t.TempDir(), "ms. 100%")
	ann := filepath.Join(t.TempDir(), "ann")
	require.NoError(t, os.CopyFS(filepath.Join(ann, "counter"), os.DirFS(filepath.Join(root, "counter"))))
	code, stdout, stderr := lab(t, root, "grade", ann, missing, "--unconfined", "--stage", "1", "--format", "table,json,junit,markdown", "--out", out)
	require.Equal(t, exitFailed, code, stderr)
	require.Contains(t, stdout, "│ 10/10 │")
	require.Contains(t, stdout, "there is no such file or directory")
	require.True(t, strings.HasSuffix(stdout, "\n1 graded, 1 rejected\n"), stdout)
	require.Regexp(t, `(?m)^1/2  ann  10/10$\n^2/2  ms. 100%  0/10  rejected  there is no such file or directory$`, stderr)
	for _, name := range []string{"grades.json", "grades.xml", "grades.md", "submissions/ann.json", "submissions/ann.md", "receipts/ann.json"} {
		require.FileExists(t, filepath.Join(out, filepath.FromSlash(name)))
	}
	odd, err := filepath.Glob(filepath.Join(out, "submissions", "ms._100_-*.md"))
	require.NoError(t, err)
	require.Len(t, odd, 1)

	// What is graded is not graded again, and comes out the same.
	grades, err := os.ReadFile(filepath.Join(out, "grades.json"))
	require.NoError(t, err)
	code, _, stderr = lab(t, root, "grade", ann, missing, "--unconfined", "--stage", "1", "--format", "json", "--out", out, "--resume")
	require.Equal(t, exitFailed, code, stderr)
	again, err := os.ReadFile(filepath.Join(out, "grades.json"))
	require.NoError(t, err)
	require.Equal(t, string(grades), string(again), "times included")

	// A receipt proves the grade of that submission, and of no other.
	receipt := filepath.Join(out, "receipts", "ann.json")
	code, stdout, stderr = lab(t, root, "verify", receipt, ann, "--unconfined")
	require.Equal(t, exitPassed, code, stderr)
	require.Equal(t, "verified: 10/10 points, as the receipt says\n", stdout)
	edit(t, ann, "counter/counter.go", "c.n++", "c.n += 1")
	code, stdout, _ = lab(t, root, "verify", receipt, ann, "--unconfined")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "the submission is not the one that was graded: its files differ\n", stdout)
	code, _, stderr = lab(t, root, "verify", filepath.Join(out, "grades.json"), ann, "--unconfined")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "grades.json: is no receipt")

	// Parts that machines have graded make a whole.
	for _, part := range []string{"1", "2"} {
		code, _, stderr = lab(t, root, "grade", ann, missing, "--unconfined", "--stage", "1", "--format", "json", "--out", filepath.Join(out, part), "--shard", part+"/2")
		require.NotEqual(t, exitHarness, code, stderr)
	}
	code, stdout, stderr = lab(t, root, "merge", filepath.Join(out, "1"), filepath.Join(out, "2"))
	require.Equal(t, exitFailed, code, stderr)
	require.True(t, strings.HasSuffix(stdout, "\n1 graded, 1 rejected\n"), stdout)
	code, _, stderr = lab(t, root, "merge", filepath.Join(out, "1"))
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "these parts have 1 submissions, but not number 2")

	hidden := t.TempDir()
	write(t, hidden, "course.yaml", "tests: [{stage: 1, name: TestNone1}]")
	code, _, stderr = lab(t, root, "grade", ann, "--unconfined", "--stage", "1", "--hidden", hidden)
	require.Equal(t, exitHarness, code)
	require.Contains(t, stderr, "TestNone1")
}

// Root does not grade, unless it is told to. Neither does a system that cannot confine.
func TestCannotConfine(t *testing.T) {
	if runtime.GOOS == "linux" && os.Geteuid() != 0 {
		t.Skip("an ordinary user may be able to confine")
	}
	root := counting(t)
	code, stdout, stderr := lab(t, root, "grade", root, "--stage", "1")
	require.Equal(t, exitOpen, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "lab: cannot confine submissions here, so none was run:\n  ")
	require.Contains(t, stderr, "--unconfined grades here with what can be enforced (limited: ")
}

func TestMutantsCommand(t *testing.T) {
	root := counting(t)
	code, stdout, stderr := lab(t, root, "mutants", "1", "--timeout", "5s")
	require.Equal(t, exitPassed, code, stderr)
	require.True(t, strings.HasSuffix(stdout, "\nkilled 4/4\n"), stdout)
	code, stdout, stderr = lab(t, root, "mutants", "1/"+mutantOf(t, root, "1"), "--timeout", "5s")
	require.Equal(t, exitPassed, code, stderr)
	require.True(t, strings.HasSuffix(stdout, "\nkilled 1/1\n"), stdout)
	code, _, stderr = lab(t, root, "mutants", "1/no-such-mistake")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "there is no mutant 1/no-such-mistake")
	_, _, stderr = lab(t, root, "mutants", "1/"+mutantOf(t, root, "1")+"x")
	require.Contains(t, stderr, "; did you mean 1/"+mutantOf(t, root, "1")+"?")
	code, stdout, _ = lab(t, root, "mutants", "2a")
	require.Equal(t, exitFailed, code)
	require.True(t, strings.HasSuffix(stdout, "\nkilled 0/1\n"), stdout)
}

func TestDiagnoseCommand(t *testing.T) {
	root := counting(t)
	ann := filepath.Join(t.TempDir(), "ann")
	require.NoError(t, os.CopyFS(filepath.Join(ann, "counter"), os.DirFS(filepath.Join(root, "counter"))))
	edit(t, ann, "counter/counter.go", "c.n++\n", "\n")
	code, _, stderr := lab(t, root, "diagnose", ann, "--unconfined", "--stage", "1")
	require.Equal(t, exitHarness, code)
	require.Contains(t, stderr, "the signature of 1/never-counts is missing")
	require.Contains(t, stderr, "--signatures lab/mutants/signatures.txt")

	file := filepath.Join(root, "lab", "mutants", "signatures.txt")
	code, _, stderr = lab(t, root, "mutants", "--signatures", file, "--timeout", "5s")
	require.Equal(t, exitPassed, code, stderr)
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	code, _, stderr = lab(t, root, "mutants", "2a", "--signatures", file, "--timeout", "5s")
	require.Equal(t, exitPassed, code, stderr)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "the others stay, and the same is found again")

	code, stdout, stderr := lab(t, root, "diagnose", ann, "--unconfined", "--stage", "1", "--hints", "4")
	require.Equal(t, exitPassed, code, stderr)
	require.Contains(t, stdout, "fails in stage 1: TestAdd1\n")
	require.Contains(t, stdout, "What is the count after a call")
	require.Contains(t, stdout, "1/never-counts (100 %): The count stays where it is.")
	for args, want := range map[string]string{
		"--hints 5":     "--hints is 1, 2, 3 or 4",
		"--format jsn":  "--format is table or json; did you mean json?",
		"--stage 1 --x": "unknown flag: --x",
	} {
		code, _, stderr = lab(t, root, append([]string{"diagnose", ann, "--unconfined"}, strings.Fields(args)...)...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, stderr, want)
	}
	code, _, stderr = lab(t, root, "diagnose", "--unconfined", filepath.Join(root, "none"), "--stage", "1")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "there is no such file or directory")
}

// mutantOf returns the name of a mutant of a stage, without the stage.
func mutantOf(t *testing.T, root, stage string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "lab", "mutants", stage, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return strings.TrimSuffix(filepath.Base(files[0]), ".go")
}
