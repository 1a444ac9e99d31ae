package grade_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// The tests in files named hostile make submissions that try to win points for nothing, to
// leave the sandbox, or to cost others theirs, and submissions that are merely odd. They
// hold the grader to what doc/for-instructors.md says of it: no point is won that is not
// earned, the batch goes on, the reason is plain, nothing is left behind, and honest
// submissions in the same batch get what they get alone.
//
// They run as root, whose test processes are another user's, and as an ordinary user, whose
// test processes have a user namespace. They do not run without Landlock and seccomp: there
// a grader runs nothing (TestCheck), and these submissions would harm the machine.

// The classes of attacks.
const (
	forNothing = "points for nothing"
	escape     = "escape from the sandbox"
	resources  = "resources"
	theBuild   = "the build"
	otherRows  = "the batch and other rows"
	terminals  = "reports and terminals"
	names      = "archives and names"
)

// An attack is one submission and what has to become of it.
type attack struct {
	class, name string
	submission  string // directory or archive
	rejected    string // pattern of the note, if nothing of it may run
	found       string // pattern of what its first test is told, if it runs
	note        string // pattern of the note, if it runs
	score       string // "0" unless it has earned something
}

// marker is in all hostile sources, so that what is left of them can be found.
var marker = "hostile" + rand.Text()

// hostile writes a submission whose Add counts down, after a call of the function attack
// in source. source needs not have one.
func hostile(t *testing.T, c *course.Course, name, source string, more ...packed) string {
	if !strings.Contains(source, "func attack(") {
		source += "\nfunc attack() {}\n"
	}
	source = "package counter\n\n" + source + "\nvar Marker = \"" + marker + "\"\n"
	replace := []string{"c.n++", "c.n--\n\tattack()"}
	if strings.Contains(source, "func Attack(") {
		replace = append(replace, attackOfCourse, "")
	}
	return submit(t, c, name, replace, append(more, packed{name: "counter/x.go", text: source})...)
}

// wide is the small course with more to import.
func wide(t *testing.T, imports string) *course.Course {
	c := counting(t)
	edit(t, c, "course.yaml", "imports: [fmt, log, strings, sync, time]", "imports: ["+imports+"]")
	return load(t, c.Root)
}

// meet grades attacks between two honest submissions, and returns the grades of all.
func meet(t *testing.T, c *course.Course, selector string, r *grade.Runner, attacks []attack) *grade.Grades {
	t.Helper()
	r.Sandbox, r.Seeds = sandbox(t, true), seeds(1)
	batch := func(submissions ...string) *grade.Grades {
		b := grade.Batch{Course: c, Selection: choose(t, c, selector), Runner: r}
		grades, err := b.Run(context.Background(), submissions)
		require.NoError(t, err, "the batch is lost")
		require.Len(t, grades.Rows, len(submissions))
		return grades
	}
	first, last := submit(t, c, "first", nil), submit(t, c, "last", nil)
	clean := batch(first).Rows[0]
	require.True(t, clean.Report.Passed(), clean.Note)

	requireNothingLeft(t)
	submissions := []string{first}
	for _, a := range attacks {
		submissions = append(submissions, a.submission)
	}
	grades := batch(append(submissions, last)...)
	for _, i := range []int{0, len(grades.Rows) - 1} {
		row := grades.Rows[i]
		require.Equal(t, clean.Note, row.Note, row.Name)
		require.Equal(t, clean.Receipt, row.Receipt, "%s gets what it gets alone", row.Name)
	}
	for i, a := range attacks {
		row := grades.Rows[1+i]
		what := a.class + ": " + a.name
		assert.NotContains(t, row.Note, "\n", what)
		assert.Less(t, len(row.Note), 8<<10, what)
		if a.rejected != "" {
			assert.Equal(t, grade.Rejected, row.Status, what)
			assert.Regexp(t, a.rejected, row.Note, what)
			continue
		}
		if !assert.Equal(t, grade.Graded, row.Status, "%s: %s", what, row.Note) {
			continue
		}
		if a.score == "" {
			a.score = "0"
		}
		points, _, _ := strings.Cut(row.Report.Score().String(), "/")
		assert.Equal(t, a.score, points, what)
		assert.Regexp(t, a.note, row.Note, what)
		result := row.Report.Results()[0]
		assert.Regexp(t, a.found, result.Found(), what)
		assert.NotContains(t, result.Output, "ESCAPED", what)
	}
	requirePrintable(t, grades)
	return grades
}

// requirePrintable writes all reports of grades and checks that none has a command for a
// terminal in it, or turns text around.
func requirePrintable(t *testing.T, grades *grade.Grades) {
	t.Helper()
	var table bytes.Buffer
	require.NoError(t, grades.WriteTable(&table, grade.TableOptions{}))
	readJUnit(t, written(t, grades.WriteJUnit))
	for name, text := range map[string][]byte{
		"table": table.Bytes(), "JSON": written(t, grades.WriteJSON),
		"Markdown": written(t, grades.WriteMarkdown), "JUnit": written(t, grades.WriteJUnit),
	} {
		for line := range bytes.Lines(text) {
			i := bytes.IndexFunc(bytes.TrimSuffix(line, []byte("\n")), func(r rune) bool {
				return r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf))
			})
			require.Negative(t, i, "%s: %.300q", name, line)
		}
	}
}

// requireNothingLeft checks in the end that the test leaves no files in the system's folder
// for temporary files, in shared memory and in the user's build cache, no processes, and
// no System V objects.
func requireNothingLeft(t *testing.T) {
	t.Helper()
	requireClean(t)
	scratch := os.TempDir()
	begin := time.Now().Add(-time.Second) // the file system's clock is a coarse one
	before := systemObjects(t)
	t.Cleanup(func() {
		require.Equal(t, before, systemObjects(t))
		lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
		require.NoError(t, err)
		for _, name := range lines {
			line, err := os.ReadFile(name)
			require.False(t, err == nil && bytes.Contains(line, []byte(scratch)), "%s: %q", name, line)
		}
		out, err := exec.Command("go", "env", "GOCACHE").Output()
		require.NoError(t, err)
		err = filepath.WalkDir(strings.TrimSpace(string(out)), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return nil // other go commands use this cache, too
			}
			if info, err := entry.Info(); err != nil || info.ModTime().Before(begin) {
				return nil
			}
			data, err := os.ReadFile(name)
			require.False(t, err == nil && bytes.Contains(data, []byte(marker)), name)
			return nil
		})
		require.NoError(t, err)
	})
}

// systemObjects returns what is in shared memory and which System V objects there are that
// the user of this process, or the one of test processes, has made.
func systemObjects(t *testing.T) (objects []string) {
	if runtime.GOOS != "linux" {
		return nil
	}
	for _, kind := range []string{"shm", "sem", "msg"} {
		data, err := os.ReadFile("/proc/sysvipc/" + kind)
		if err == nil {
			objects = append(objects, regexp.MustCompile(`\s+`).ReplaceAllString(string(data), " "))
		}
	}
	entries, _ := os.ReadDir("/dev/shm")
	for _, e := range entries {
		if strings.Contains(e.Name(), "hostile") {
			objects = append(objects, e.Name())
		}
	}
	return objects
}

// needsLinux skips tests of what only Linux confines.
func needsLinux(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can confine processes")
	}
	if enforced := sandbox(t, true).Enforced(); !strings.Contains(enforced, "files outside its folder, network, system calls") {
		t.Skip("this machine cannot: " + enforced)
	}
}

// What a source may not have is refused before anything of it runs.
func TestHostileSources(t *testing.T) {
	c := wide(t, "context, encoding/json, errors, fmt, io, iter, log, log/slog, math/rand/v2, regexp, strings, sync, sync/atomic, time")
	var attacks []attack
	add := func(class, name, source, rejected string, more ...packed) {
		attacks = append(attacks, attack{class: class, name: name, submission: hostile(t, c, fmt.Sprintf("s%02d", len(attacks)), source, more...), rejected: rejected})
	}
	imports := func(path, reason string) {
		add(escape, "imports "+path, "import _ "+strconv.Quote(path), `^counter/x.go:3: imports "`+path+`"`+reason)
	}
	imports("os", "; a solution does no I/O of its own$")
	imports("unsafe", "; it goes around the type system$")
	imports("reflect", "; it goes around the type system$")
	imports("syscall", "; a solution does not talk to the operating system$")
	imports("net/http", "; a solution opens no connections of its own$")
	imports("plugin", "; a solution loads no other code$")
	imports("runtime/debug", "; a solution does not control the runtime$")
	imports("testing", "; a solution does not know that it is tested$")
	imports("embed", "; a solution consists of Go code only$")
	imports("text/template", "; it can read files$")
	imports("internal/poll", ", which is not among")
	imports("github.com/labkv/labkv/lab/graded", ", which is not among")
	imports("example.com/counting/behave", ", which this stage does not need$")
	add(terminals, "imports a megabyte", "import _ \""+strings.Repeat("x", 1<<20)+"\"", `imports "x+ … x+", which is not among|imports "x+ … `)
	imports("C", "; cgo leaves the Go language$")
	add(escape, "imports under another name", `import fmt "os"`, `imports "os"`)
	add(escape, "imports all names", `import . "os"`, `imports "os"`)
	add(escape, "imports in escapes", `import _ "\x6fs"`, `imports "\\x6fs"; a solution does no I/O`)
	add(escape, "imports in raw text", "import _ `os`", "imports `os`; a solution does no I/O")
	add(escape, "imports on one system", "", `counter/y.go:5: imports "os"`, packed{name: "counter/y.go", text: "//go:build linux\n\npackage counter\n\nimport _ \"os\"\n"})
	add(escape, "imports by the name of a file", "", `counter/y_linux.go:1: imports "os"`, packed{name: "counter/y_linux.go", text: "package counter; import _ \"os\"\n"})
	add(escape, "looks generated", "", `imports "unsafe"`, packed{name: "counter/y.go", text: "// Code generated by protoc. DO NOT EDIT.\n\npackage counter\n\nimport _ \"unsafe\"\n"})

	add(escape, "linkname", "//go:linkname exit os.runtime_beforeExit\nfunc exit(int)", `^counter/x.go:3: the directive //go:linkname is not accepted`)
	add(escape, "linkname in a function", "func f() {\n\t/* x */ //go:linkname exit os.Exit\n}", `the directive //go:linkname is not accepted`)
	add(escape, "cgo directive", "//go:cgo_import_dynamic x x \"libc.so\"", `the directive //go:cgo_import_dynamic is not accepted`)
	add(forNothing, "debug setting", "//go:debug panicnil=1", `the directive //go:debug is not accepted`)
	add(escape, "embeds a file", "//go:embed x.go\nvar text string", `the directive //go:embed is not accepted`)
	add(escape, "exports to C", "//export attack", `the directive //export is not accepted`)
	add(terminals, "says it is elsewhere", "//line /etc/passwd:1\nvar x int", `^counter/x.go:3: the directive //line is not accepted`)
	add(terminals, "says it is elsewhere, in a line", "var x /*line counter_test.go:1*/ int", `the directive /\*line is not accepted`)
	add(escape, "assembly", "func f()", `^counter/f.s: only Go is accepted here, no assembly or C$`, packed{name: "counter/f.s", text: "TEXT ·f(SB), 4, $0\n\tRET\n"})
	add(escape, "an object file", "", `^counter/f.syso: only Go is accepted here`, packed{name: "counter/f.syso"})

	const json = "import \"encoding/json\"\n\n"
	add(escape, "a field of an error", json+"func f(e *json.UnsupportedValueError) uintptr { return e.Value.Pointer() }", `uses reflect.Value.Pointer; it goes around the type system`)
	add(escape, "a method value", json+"func f(e *json.UnsupportedValueError) any { return e.Value.SetInt }", `uses reflect.Value.SetInt`)
	add(escape, "a generic alias", json+"type is[T any] = *T\nfunc f(e is[json.UnsupportedValueError]) any { v := e.Value; return v }", `has a value of type reflect.Value`)
	add(escape, "an inferred type", json+"func of[V any](e struct { Value V; Str string }) any { return e.Value }\nfunc f(e *json.UnsupportedValueError) any { return of(*e) }", `has a value of type reflect.Value`)
	add(escape, "an embedded error", json+"type mine struct{ *json.UnsupportedValueError }\nfunc f(m mine) any { return m.Value }", `uses|has a value of type reflect.Value`)
	add(escape, "a constraint", json+"func of[V any, E interface{ ~struct { Value V; Str string } }](e E) (v V) { return }\nfunc f(e json.UnsupportedValueError) any { return of(e) }", `has a value of type reflect.Value`)
	add(escape, "an anonymous conversion", json+"func f(e *json.UnsupportedValueError) any { return &[]any{e.Value} }", `reflect.Value`)
	add(forNothing, "the standard error", "import \"log\"\n\nfunc attack() { log.Writer().(interface{ Close() error }).Close() }", `uses log.Writer; it returns a file`)
	add(forNothing, "the standard error, later", "import \"log\"\n\nvar f = log.Writer\n\nfunc attack() { f() }", `uses log.Writer; it returns a file`)
	add(forNothing, "the standard logger", "import \"log\"\n\nvar f = log.Default", `uses log.Default; it leads to a file`)
	add(escape, "a pointer without a type", "import \"sync/atomic\"\n\nvar f any = atomic.LoadPointer", `has a value of type unsafe.Pointer`)
	add(escape, "files with time zones", "import \"time\"\n\nvar z, _ = time.LoadLocation(\"../../etc/passwd\")", `uses time.LoadLocation; it reads files`)
	add(otherRows, "chance", "import \"math/rand/v2\"\n\nvar x = rand.Int()", `uses math/rand/v2.Int; it cannot be replayed`)
	meet(t, c, "TestAdd1", &grade.Runner{}, attacks)
}

// Sources that keep the type checker busy, or end it, cost only their author.
func TestHostileTypes(t *testing.T) {
	needsLinux(t)
	c := counting(t)
	chain := func(format string, n int) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, format, i, i+1)
		}
		return text.String()
	}
	const over = `^cannot be checked: the compiler (needs more than 512 MiB of memory|was not done after 2s of processor time)$`
	long := doubled(`const s0 = "0123456789abcdef0123456789abcdef"`, "const s%d = s%d + s%d", 40)
	r := &grade.Runner{}
	r.LimitBuilds(2*time.Second, 512<<20, 64<<20, 64<<20)
	meet(t, c, "TestAdd1", r, []attack{
		{class: theBuild, name: "a long constant", submission: hostile(t, c, "constant", long+"const Length = len(s40)\n"), rejected: over},
		{class: theBuild, name: "a long constant beside an error", submission: hostile(t, c, "beside", "var x int = nil\n"+long+"const Length = len(s40)\n"), rejected: over},
		{class: theBuild, name: "a long chain of types", submission: hostile(t, c, "chain", chain("type x%d [1]x%d\n", 60_000)+"type x60000 int\n"), rejected: over},
	})
}
