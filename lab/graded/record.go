package graded

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/stack"
	"github.com/labkv/labkv/lab/todo"
)

// Events of a [Record].
const (
	EventStart = "start"
	EventEnd   = "end"
)

// Statuses of an end [Record].
const (
	StatusPassed  = "passed"
	StatusFailed  = "failed"
	StatusSkipped = "skipped"
)

// Record is one line of a report. A run of a test, or of one seed of it,
// leaves a start and an end; a run whose end is missing did not finish.
type Record struct {
	Test     string    `json:"test"`
	Seed     uint64    `json:"seed,omitempty"` // 0: the test has no seed
	Event    string    `json:"event"`
	Status   string    `json:"status,omitempty"` // of an end
	Digest   string    `json:"digest,omitempty"` // 16 hexadecimal digits; of an end
	Claim    string    `json:"claim"`
	Source   string    `json:"source"`
	Reason   string    `json:"reason,omitempty"` // one line
	Sections []Section `json:"sections,omitempty"`
	Goals    []Goal    `json:"goals,omitempty"` // of an end
	Crash    *Crash    `json:"crash,omitempty"` // of an end: what left the test
	// Elapsed is the real time of the run, of an end.
	Elapsed time.Duration `json:"elapsed,omitempty"`
}

// A Crash is a panic, or a call of runtime.Goexit, that left a test. The process that
// reads the report knows which functions are the student's.
type Crash struct {
	Message string `json:"message"` // "panic: assignment to entry in nil map"
	Stack   string `json:"stack"`   // of the goroutine, as the runtime prints it
}

// Section is a named part of a failure's explanation.
type Section struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// maxStack bounds a goroutine's stack, in bytes, so that endless recursion is
// reported as such before it has filled the memory.
const maxStack = 64 << 20

// openReport opens the channel of LABKV_REPORT, once, and forgets its name. It
// returns nil if there is none.
var openReport = sync.OnceValues(func() (*reporter, error) {
	value := os.Getenv(reportVariable)
	if value == "" {
		return nil, nil
	}
	os.Unsetenv(reportVariable)
	debug.SetMaxStack(maxStack)
	// A program that ends itself by log.Fatal says where, and not at what time.
	log.SetFlags(log.Lshortfile)
	return newReporter(value)
})

// appendRecord adds a record to the report. It reports whether there is a report.
func appendRecord(t testing.TB, rec Record) bool {
	report, err := openReport()
	if err != nil {
		t.Fatalf("graded: open report: %v", err)
	}
	if report == nil {
		return false
	}
	if err := report.write(rec); err != nil {
		t.Fatalf("graded: write report: %v", err)
	}
	return true
}

// recorder gathers what one run of a test finds out.
type recorder struct {
	test  string
	seed  uint64
	claim Claim
	began time.Time // the real time

	mu       sync.Mutex // tests may fail from several goroutines
	reason   string     // of the first failure, else of the skip
	sections []Section
	digest   uint64
	goals    []Goal
	crash    *Crash     // the first
	missing  *todo.Func // what the test called and is not written yet; nil with a report
}

func (r *recorder) explain(section, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sections = append(r.sections, Section{Name: section, Text: strings.TrimRight(text, "\n")})
}

func (r *recorder) found(message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reason == "" {
		r.reason = condense(message)
	}
}

// left is deferred around code that may be left by a panic or by runtime.Goexit,
// which it notes. returned is set once the code has returned.
//
// If there is no report, a call of a function that is not written yet fails t, and
// the tests after it run. With a report it ends the process, which runs one test:
// from what the process printed, the verdict is made that the test is not
// implemented.
func (r *recorder) left(t testing.TB, returned *bool) {
	if *returned {
		return
	}
	// The stack still has the calls that are being left.
	if p := recover(); p != nil {
		report, err := openReport()
		if missing, ok := todo.Recovered(p); ok && report == nil && err == nil {
			r.lacks(missing)
			t.FailNow()
		}
		message := "panic: " + fmt.Sprint(p)
		if strings.HasPrefix(message, deadlock) {
			r.crashed(message, everyStack())
		} else {
			r.crashed(message, debug.Stack())
		}
		panic(p)
	}
	if !t.Failed() && !t.Skipped() {
		r.crashed("runtime.Goexit ends the test's goroutine", debug.Stack())
	}
}

// deadlock begins the panic of a bubble whose goroutines all wait. They are still there.
const deadlock = "panic: deadlock: "

func everyStack() []byte {
	buf := make([]byte, 256<<10)
	return buf[:runtime.Stack(buf, true)]
}

func (r *recorder) crashed(message string, stack []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.crash == nil {
		r.crash = &Crash{Message: InOneLine(message), Stack: string(stack)}
	}
}

func (r *recorder) lacks(missing todo.Func) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing = &missing
}

func (r *recorder) hasCrashed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.crash != nil
}

func (r *recorder) setDigest(digest uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if digest != 0 {
		r.digest = digest
	}
}

func (r *recorder) record(event string) Record {
	return Record{Test: r.test, Seed: r.seed, Event: event, Claim: r.claim.Text, Source: r.claim.Source}
}

func (r *recorder) start(t testing.TB) {
	r.began = time.Now()
	appendRecord(t, r.record(EventStart))
}

// end writes the verdict. returned is false when the body was left by a failure,
// a skip, a panic or runtime.Goexit. The last two are no reason: what is said of them
// depends on whose functions are on the stack.
//
// Without a report, log is told what a student is shown.
func (r *recorder) end(t testing.TB, returned bool, log func(...any)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.record(EventEnd)
	rec.Goals, rec.Elapsed = r.goals, time.Since(r.began)
	switch {
	case t.Failed(), r.crash != nil, !returned && !t.Skipped():
		rec.Status = StatusFailed
	case t.Skipped():
		rec.Status = StatusSkipped
	default:
		rec.Status = StatusPassed
	}
	if rec.Status != StatusPassed {
		rec.Reason = r.reason
	}
	if rec.Status == StatusFailed {
		rec.Sections, rec.Crash = r.sections, r.crash
		if rec.Reason == "" && rec.Crash == nil && t.Failed() {
			rec.Reason = "failed without a message; see its log"
		}
	}
	if r.digest != 0 {
		rec.Digest = fmt.Sprintf("%016x", r.digest)
	}
	if appendRecord(t, rec) || rec.Status != StatusFailed {
		return
	}
	if r.missing != nil {
		log(r.missing.Explain("."))
		return
	}
	log("\n" + failureHere(rec).String())
}

// failureHere returns what a student is shown of rec who runs "go test" in the
// course's tree.
func failureHere(rec Record) Failure {
	f := FailureOf(rec)
	root, err := course.Find(".")
	if err != nil {
		return f
	}
	roots, mine := []string{root}, stack.IsStudents
	if c, err := course.Load(root); err == nil {
		mine = func(file string) bool {
			return c.Editable(file) || stack.IsStudents(file) && strings.HasPrefix(file, "lab/")
		}
		roots = append(roots, c.Module)
		if test, ok := c.Test(rec.Test); ok {
			f.Read = test.Stage.Guide
		}
	}
	if rec.Crash != nil && rec.Reason == "" {
		told := rec.Crash.Tell(roots, mine)
		f.Found, f.Sections = told.Found(), append(f.Sections, told.Sections()...)
	}
	return f
}

// watch calls f, and notes if it does not return.
func (r *recorder) watch(t testing.TB, f func()) {
	t.Helper()
	returned := false
	defer r.left(t, &returned)
	f()
	returned = true
}

// caught notes the function that is not written yet and panicked with p. It reports
// whether there was one, and lets any other panic go on.
func (r *recorder) caught(p any) bool {
	if p == nil {
		return false
	}
	missing, ok := todo.Recovered(p)
	if !ok {
		panic(p)
	}
	r.lacks(missing)
	return true
}
