package grade_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// submit writes a directory with the course's counter.go after replacements, and
// further files.
func submit(t testing.TB, c *course.Course, name string, replace []string, more ...packed) string {
	data, err := os.ReadFile(filepath.Join(c.Root, "counter/counter.go"))
	require.NoError(t, err)
	text := strings.NewReplacer(replace...).Replace(string(data))
	if len(replace) > 0 {
		require.NotEqual(t, string(data), text)
	}
	dir := filepath.Join(t.TempDir(), name)
	for _, e := range append([]packed{{name: "counter/counter.go", text: text}}, more...) {
		path := filepath.Join(dir, filepath.FromSlash(e.name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(e.text), 0o644))
	}
	return dir
}

func TestBatch(t *testing.T) {
	c := counting(t)
	dir := t.TempDir()
	skeleton := []string{"c.n++\n\treturn c.n", `panic("TODO(1): implement (*Counter).Add")`, "sum := 0\n\tfor _, c := range counters {\n\t\tsum += c.n\n\t}\n\treturn sum", `panic("TODO(2A): implement counter.Sum")`}
	data, err := os.ReadFile(filepath.Join(c.Root, "counter/counter.go"))
	require.NoError(t, err)
	outside := filepath.Join(dir, "outside")

	submissions := []string{
		submit(t, c, "full", nil),
		submit(t, c, "skeleton", skeleton),
		submit(t, c, "half", []string{"sum += c.n", "sum -= c.n"}),
		submit(t, c, "late", []string{"c.n++", "if c.n < 12 {\n\t\tc.n++\n\t}"}),
		submit(t, c, "broken", []string{"return sum", "return total"}),
		submit(t, c, "unparsable", []string{"return sum\n}", "return sum\n"}),
		submit(t, c, "cheater", []string{"c.n++", "c.n += 2"}, packed{name: "counter/counter_test.go", text: "package counter_test\n\nfunc TestMain(m *testing.M) {}\n"}, packed{name: "counter/more_test.go", text: "package counter_test\n"}),
		submit(t, c, "reacher", []string{"package counter", "package counter\n\nimport \"os\"\n\nfunc init() { os.WriteFile(" + "`" + outside + "`" + ", nil, 0o644) }"}),
		writeZip(t, filepath.Join(dir, "zipped.zip"), packed{name: "zipped/counter/counter.go", text: string(data)}),
		writeZip(t, filepath.Join(dir, "bomb.zip"), packed{name: "../counter.go", text: string(data)}),
		filepath.Join(dir, "absent"),
	}
	batch := grade.Batch{Course: c, Selection: choose(t, c, "1", "2a"), Runner: &grade.Runner{Sandbox: sandbox(t, true)}}
	requireClean(t)
	grades, err := batch.Run(context.Background(), submissions)
	require.NoError(t, err)
	require.NoFileExists(t, outside)
	require.False(t, grades.Perfect())

	type row struct {
		name   string
		status grade.RowStatus
		note   string
		score  string
	}
	var got []row
	for _, r := range grades.Rows {
		score := "-"
		if r.Report != nil {
			score = r.Report.Score().String()
		}
		got = append(got, row{r.Name, r.Status, r.Note, score})
	}
	require.Equal(t, []row{
		{"full", grade.Graded, "", "15/15"},
		{"skeleton", grade.Graded, "", "0/15"},
		{"half", grade.Graded, "", "13.33/15"},
		{"late", grade.Graded, "", "12.5/15"},
		{"broken", grade.Graded, "does not build: counter/counter.go:31:9: undefined: total", "0/15"},
		{"unparsable", grade.Graded, "does not build: counter/counter.go:32:2: expected '}', found 'EOF'", "0/15"},
		{"cheater", grade.Graded, "1 edited test ignored, 1 added test ignored, TestMain ignored", "1.66/15"},
		{"reacher", grade.Rejected, `counter/counter.go:9: imports "os"; a solution does no I/O of its own`, "-"},
		{"zipped", grade.Graded, "", "15/15"},
		{"bomb", grade.Rejected, `"../counter.go" leads out of the submission`, "-"},
		{"absent", grade.Rejected, "there is no such file or directory", "-"},
	}, got)
	for _, result := range grades.Rows[1].Report.Results() {
		require.Equal(t, grade.NotImplemented, result.Status, result.Test.Name)
	}
	late := grades.Rows[3].Report.Results()[1]
	require.Equal(t, uint64(13), late.Seed)
	require.Len(t, late.Runs, 12)

	t.Run("again", func(t *testing.T) {
		batch.Runner.Jobs = 5
		again, err := batch.Run(context.Background(), submissions)
		require.NoError(t, err)
		require.Equal(t, timeless(t, grades.WriteJSON), timeless(t, again.WriteJSON))
	})
	t.Run("JSON", func(t *testing.T) {
		var out struct {
			Schema      string
			Submissions []struct {
				Name          string
				Score, Points float64
				Stages        []struct {
					ID            string
					Score, Points float64
				}
			}
		}
		require.NoError(t, json.Unmarshal(written(t, grades.WriteJSON), &out))
		require.Equal(t, grade.GradesSchema, out.Schema)
		require.Len(t, out.Submissions, len(submissions))
		require.Equal(t, 13.33, out.Submissions[2].Score)
		require.Equal(t, "2a", out.Submissions[7].Stages[1].ID)
		require.Equal(t, 5.0, out.Submissions[7].Stages[1].Points)
		require.Equal(t, 0.0, out.Submissions[7].Score)
	})
	t.Run("JUnit", func(t *testing.T) {
		suites := readJUnit(t, written(t, grades.WriteJUnit))
		// Two stages for each that was graded, one suite for each that was not.
		require.Len(t, suites, 2*8+3)
		require.Equal(t, "full/1", suites[0].Name)
	})
	t.Run("Markdown", func(t *testing.T) {
		text := string(written(t, grades.WriteMarkdown))
		require.Contains(t, text, "| half | graded | 10 | 3.33 | **13.33/15** |  |")
		require.Contains(t, text, "| bomb | rejected | 0 | 0 | **0/15** | \"../counter.go\" leads out of the submission |")
		require.Contains(t, text, "one and one is -2")
		var row bytes.Buffer
		require.NoError(t, grades.Rows[2].WriteMarkdown(&row))
		require.Contains(t, row.String(), "replay      make replay TEST=TestSum2A")
		require.NotContains(t, row.String(), "skeleton")
	})
	t.Run("table", func(t *testing.T) {
		var out bytes.Buffer
		require.NoError(t, grades.WriteTable(&out, grade.TableOptions{}))
		require.Regexp(t, `half +│ graded +│ +10 │ +3\.33 │ 13\.33/15 │`, out.String())
		require.Contains(t, out.String(), "limited: real time, ")
		require.True(t, strings.HasSuffix(out.String(), "\n8 graded, 3 rejected\n"))
		require.NotContains(t, out.String(), "\x1b")
	})
}

// A submission that the go command refuses before it compiles anything costs only its author.
func TestOddSubmissions(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other file systems do not take all of these names")
	}
	c := counting(t)
	good := submit(t, c, "good", nil)
	odd := func(name, file, text string) string {
		return submit(t, c, name, nil, packed{name: "counter/" + file, text: text})
	}
	tests := []struct{ submission, note string }{
		{odd("main", "main.go", "package main\n\nfunc main() {}\n"), `^does not build: found packages counter \(counter.go\) and main \(main.go\) in counter$`},
		{odd("outside", "outside.go", "package counter_test\n"), `^does not build: found packages counter`},
		{odd("itself", "itself.go", "package counter\n\nimport _ \"example.com/counting/counter\"\n"), `^counter/itself.go:3: imports "example.com/counting/counter", which this stage does not need$`},
		{odd("dash", "-x.go", "package counter\n\nvar x = 1\n"), `^does not build: .*-x.go`},
		{odd("twice", "COUNTER.go", "package counter\n"), `^does not build: package example.com/counting/counter: case-insensitive file name collision: "COUNTER.go" and "counter.go"$`},
		{odd("constraint", "constraint.go", "//go:build (\n\npackage counter\n"), `^does not build: constraint.go: parsing //go:build line: missing close paren$`},
		{odd("space", "a b.go", "package counter\n\nvar wrong int = nil\n"), `^does not build: counter/a b.go:3:17: cannot use nil as int`},
		{odd("large", "large.go", "package counter\n\nvar Large [1 << 40]int\n\nfunc init() { Large[len(counters)] = 1 }\n\nvar counters []int\n"), `^does not build: `},
		{odd("nothing", "counter.go", "//go:build never\n\npackage counter\n"), `^does not build: `},
		{odd("newest", "newest.go", "package counter\n\nimport _ \"encoding/json/v2\"\n"), `encoding/json/v2`},
		{odd("long", strings.Repeat("x", 240)+".go", "package counter\n"), `has a name that is too long: 1000 bytes, and 200 between slashes, are accepted$`},
		{odd("escape", "\x1b[2J.go", "package counter\n"), `^"counter/\\x1b\[2J.go" is not a valid file name$`},
		{odd("colored", "colored.go", "package counter\n\nvar \"\x1b[31m\"\n"), `^does not build: `},
	}
	submissions := []string{good}
	for _, test := range tests {
		submissions = append(submissions, test.submission)
	}
	// What go vet has against it makes no submission fail.
	submissions = append(submissions, odd("last", "vet.go", "package counter\n\nimport \"fmt\"\n\nfunc Number() string { return fmt.Sprintf(\"%d\", \"x\") }\n"))
	batch := grade.Batch{Course: c, Selection: choose(t, c, "1"), Runner: &grade.Runner{Sandbox: sandbox(t, true), Seeds: seeds(1)}}
	grades, err := batch.Run(context.Background(), submissions)
	require.NoError(t, err)
	for i, test := range tests {
		row := grades.Rows[1+i]
		assert.Regexp(t, test.note, row.Note, row.Name)
		assert.NotContains(t, row.Note, "\x1b", row.Name)
		assert.NotContains(t, row.Note, c.Root, row.Name)
		if row.Report != nil {
			assert.Equal(t, "0/10", row.Report.Score().String(), row.Name)
		}
	}
	for _, i := range []int{0, len(submissions) - 1} {
		require.Empty(t, grades.Rows[i].Note)
		require.True(t, grades.Rows[i].Report.Score().Full(), grades.Rows[i].Name)
	}

	t.Run("hidden test", func(t *testing.T) {
		hidden := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(hidden, "counter"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(hidden, "counter", "hidden_test.go"), []byte("package counter_test\n\nvar x int = nil\n"), 0o644))
		batch.Hidden = hidden
		_, err := batch.Run(context.Background(), submissions)
		require.ErrorContains(t, err, "the tests in counter do not build without any submission: counter/hidden_test.go:3:13: cannot use nil as int")
	})
}

// A submission that was made for another version of the course says so first, and is
// graded all the same. If it does not build, the compiler's lines come with the likely
// reason above them.
func TestVersions(t *testing.T) {
	c := counting(t)
	description, err := os.ReadFile(filepath.Join(c.Root, course.FileName))
	require.NoError(t, err)
	// made is the course's file in a handout of a version, or of the time before
	// there were versions.
	made := func(version string) packed {
		line := ""
		if version != "" {
			line = "version: \"" + version + "\"\n"
		}
		text := strings.Replace(string(description), "version: \"2.1\"\n", line, 1)
		require.Equal(t, version == "2.1", text == string(description))
		return packed{name: course.FileName, text: text}
	}
	test := packed{name: "counter/counter_test.go", text: "package counter_test // as it was then\n"}
	broken := []string{"return sum", "return c.oldSum()"}
	const advice = ": get the handout of that version and move your functions into it, see doc/getting-started.md#a-new-version-of-the-course"
	batch := grade.Batch{Course: c, Selection: choose(t, c, "1"), Runner: &grade.Runner{Sandbox: sandbox(t, true)}}
	grades, err := batch.Run(context.Background(), []string{
		submit(t, c, "same", nil, made("2.1"), test),
		submit(t, c, "minor", nil, made("2.0"), test),
		submit(t, c, "older", nil, made("1.9"), test),
		submit(t, c, "unversioned", nil, made(""), test),
		submit(t, c, "newer", nil, made("3.0"), test),
		submit(t, c, "broken", broken, made(""), test),
		submit(t, c, "typo", broken, made("2.1")),
		submit(t, c, "parts", broken),
	})
	require.NoError(t, err)
	for i, want := range []struct{ madeFor, note, score, above string }{
		{"2.1", "1 edited test ignored", "10/10", ""},
		{"2.0", "made for version 2.0 of the course, this is version 2.1", "10/10", ""},
		{"1.9", "made for version 1.9 of the course, this is version 2.1" + advice, "10/10", ""},
		{"0.x", "made for version 0.x of the course, this is version 2.1" + advice, "10/10", ""},
		{"3.0", "made for version 3.0 of the course, this is version 2.1: grade it with that version", "10/10", ""},
		{"0.x", "made for version 0.x of the course, this is version 2.1" + advice + "; does not build: counter/counter.go:31:9: undefined: c", "0/10",
			"The likely reason: made for version 0.x of the course, this is version 2.1" + advice + "."},
		{"2.1", "does not build: counter/counter.go:31:9: undefined: c", "0/10", ""},
		{"", "does not build: counter/counter.go:31:9: undefined: c", "0/10",
			"A possible reason: it has no course.yaml that says for which version of the course it was made; this is version 2.1."},
	} {
		row := grades.Rows[i]
		require.Equal(t, want.madeFor, row.MadeFor, row.Name)
		require.Equal(t, want.note, row.Note, row.Name)
		require.Equal(t, want.score, row.Report.Score().String(), row.Name)
		var text bytes.Buffer
		require.NoError(t, row.WriteMarkdown(&text))
		before, _, found := strings.Cut(text.String(), "    counter/counter.go:31")
		if want.score == "0/10" {
			require.True(t, found, text.String())
		}
		require.Equal(t, want.above != "", strings.Contains(before, "\n    "+want.above+"\n") && want.above != "", text.String())
		require.Equal(t, want.above != "", strings.Contains(text.String(), " reason: "), text.String())
	}

	var out struct {
		Version     string
		Submissions []struct {
			MadeFor *string `json:"made_for"`
			Report  struct{ Version string }
		}
	}
	require.NoError(t, json.Unmarshal(written(t, grades.WriteJSON), &out))
	require.Equal(t, "2.1", out.Version)
	require.Equal(t, "1.9", *out.Submissions[2].MadeFor)
	require.Equal(t, "2.1", out.Submissions[2].Report.Version)
	require.Equal(t, "0.x", *out.Submissions[3].MadeFor)
	require.Nil(t, out.Submissions[7].MadeFor)
}

// requireClean makes a folder of its own the system's for temporary files, and
// checks in the end that nothing is left in it.
func requireClean(t *testing.T) {
	t.Helper()
	// Another user, whom tests run as if this process is root, cannot get below t.TempDir.
	dir, err := os.MkdirTemp("", "labkv-clean-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, dir)
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
		require.NoError(t, os.Remove(dir))
	})
}

func TestHidden(t *testing.T) {
	c := counting(t)
	hidden := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(hidden, "counter"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(hidden, "counter", "hidden_test.go"), []byte(`package counter_test

import (
	"testing"

	"example.com/counting/counter"
	"github.com/labkv/labkv/lab/graded"
)

func TestMany1(t *testing.T) {
	graded.Seeds(t, graded.Claim{Text: "Add counts far", Source: "the counter contract"}, 3, func(t *graded.T, seed uint64) uint64 {
		var c counter.Counter
		for range 100 * seed {
			c.Add()
		}
		if got := c.Add(); uint64(got) != 100*seed+1 {
			t.Fatalf("the count is %d", got)
		}
		return 0
	})
}
`), 0o644))
	list := "tests: [{stage: 1, name: TestMany1, weight: 4, seeds: 1-10}]"
	require.NoError(t, os.WriteFile(filepath.Join(hidden, "course.yaml"), []byte(list), 0o644))
	merged, err := c.WithHidden(hidden)
	require.NoError(t, err)
	batch := grade.Batch{Course: merged, Selection: choose(t, merged, "1"), Runner: &grade.Runner{Sandbox: sandbox(t, true)}, Hidden: hidden}
	grades, err := batch.Run(context.Background(), []string{
		submit(t, c, "full", nil),
		submit(t, c, "small", []string{"c.n++", "if c.n < 700 {\n\t\tc.n++\n\t}"}),
	})
	require.NoError(t, err)
	require.Equal(t, "10/10", grades.Rows[0].Report.Score().String())
	require.Equal(t, "5/10", grades.Rows[1].Report.Score().String())
	require.Equal(t, uint64(7), grades.Rows[1].Report.Results()[2].Seed)
	require.NoFileExists(t, filepath.Join(c.Root, "counter", "hidden_test.go"))
}

// An interrupted batch ends at once and leaves nothing.
func TestInterrupt(t *testing.T) {
	c := counting(t)
	requireClean(t)
	ctx, cancel := context.WithCancel(context.Background())
	r := &grade.Runner{Sandbox: sandbox(t, false), Progress: func(done, total int, test string) { cancel() }}
	_, err := r.Run(ctx, grade.Tree{Course: c}, choose(t, c, "9"))
	require.ErrorIs(t, err, context.Canceled)
}

// With one process or many, and in whatever order they end, the report is the same.
func TestSameReport(t *testing.T) {
	c := counting(t)
	edit(t, c, "counter/counter.go", "c.n++", "if c.n < 9 {\n\t\tc.n++\n\t}")
	first := ""
	for _, jobs := range []int{1, 2, 8} {
		report := run(t, &grade.Runner{Jobs: jobs, Sandbox: sandbox(t, false)}, c, "1", "2a")
		got := timeless(t, report.WriteJSON)
		if first == "" {
			first = got
		}
		require.Equal(t, first, got)
	}
}

func written(t testing.TB, write func(io.Writer) error) []byte {
	var out bytes.Buffer
	require.NoError(t, write(&out))
	return out.Bytes()
}

var times = regexp.MustCompile(`"seconds": [0-9.]+`)

// timeless is what is written without the times in it.
func timeless(t testing.TB, write func(io.Writer) error) string {
	return times.ReplaceAllString(string(written(t, write)), `"seconds": 0`)
}

// junitSuite is what readers of JUnit XML look at.
type junitSuite struct {
	ID        string `xml:"id,attr"`
	Name      string `xml:"name,attr"`
	Package   string `xml:"package,attr"`
	Hostname  string `xml:"hostname,attr"`
	Timestamp string `xml:"timestamp,attr"`
	Tests     int    `xml:"tests,attr"`
	Failures  int    `xml:"failures,attr"`
	Errors    int    `xml:"errors,attr"`
	Skipped   int    `xml:"skipped,attr"`
	Time      string `xml:"time,attr"`
	Cases     []struct {
		Name      string    `xml:"name,attr"`
		Classname string    `xml:"classname,attr"`
		Time      string    `xml:"time,attr"`
		Skipped   *struct{} `xml:"skipped"`
		Failure   *struct {
			Message string `xml:"message,attr"`
			Type    string `xml:"type,attr"`
			Text    string `xml:",chardata"`
		} `xml:"failure"`
	} `xml:"testcase"`
}

// readJUnit reads JUnit XML and holds it to what the schemas in use demand.
func readJUnit(t testing.TB, data []byte) []junitSuite {
	require.True(t, bytes.HasPrefix(data, []byte(xml.Header)))
	var out struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(data, &out))
	for i, s := range out.Suites {
		require.Equal(t, strconv.Itoa(i), s.ID)
		require.NotEmpty(t, s.Name)
		require.NotEmpty(t, s.Package)
		require.NotEmpty(t, s.Hostname)
		require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`, s.Timestamp)
		require.Regexp(t, `^\d+\.\d{3}$`, s.Time)
		require.Len(t, s.Cases, s.Tests)
		failures, skipped := 0, 0
		for _, c := range s.Cases {
			require.NotEmpty(t, c.Name)
			require.NotEmpty(t, c.Classname)
			require.Regexp(t, `^\d+\.\d{3}$`, c.Time)
			if c.Failure != nil {
				failures++
				require.NotEmpty(t, c.Failure.Message)
				require.NotEmpty(t, c.Failure.Type)
			}
			if c.Skipped != nil {
				skipped++
			}
		}
		require.Equal(t, s.Failures, failures)
		require.Equal(t, s.Skipped, skipped)
		require.Zero(t, s.Errors)
	}
	return out.Suites
}
