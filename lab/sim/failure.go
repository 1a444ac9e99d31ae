package sim

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/check"
)

// A Failure is why a run failed.
type Failure struct {
	// Rule names what was broken, so that two failures can be compared:
	// "panic", "linearizable", "one leader per term", …
	Rule string
	// At is when it showed; 0 if that was only after the run.
	At time.Duration
	// Found is one sentence.
	Found string
	// Fate tells what happened to the request or entry in question.
	Fate string
	// Panic is what the system panicked with, nil if it did not; Stack is where,
	// innermost call first.
	Panic any
	Stack string
	// about is the write that the failure is about, and operations are the
	// clients' operations that it is about.
	about      string
	operations []*check.Operation
	// call is the call that was not answered, if that is the failure.
	call *call
	// lesser failures are those of runs that make no progress. They are reported
	// only if what clients saw is right: they hide no broken promise.
	lesser bool
	// Harness is set if the test itself is at fault, not the system.
	Harness bool
}

func (f *Failure) String() string {
	if f.At == 0 {
		return f.Found
	}
	return fmt.Sprintf("at %s, %s", seconds(f.At), f.Found)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }

// violation turns an error of a check into a failure.
func violation(err error) *Failure {
	if v, ok := err.(*check.Violation); ok {
		return &Failure{Rule: v.Rule, At: v.At, Found: v.Found, Fate: v.Fate, about: v.About, operations: v.Operations, Harness: v.Undecided}
	}
	return &Failure{Rule: "watch", Found: err.Error()}
}

// recover takes care of a panic of the incarnation l. One of an incarnation
// that has crashed already does not count: it only shows that the code was
// surprised by its disk being gone.
func (w *World) recover(l *life) {
	r := recover()
	if r == nil || !l.alive() {
		return
	}
	w.fail(&Failure{
		Rule:  "panic",
		Found: fmt.Sprintf("%v panics: %v", l.machine, r),
		Panic: r,
		Stack: ownFrames(string(debug.Stack())),
	})
}

// module is the path that the functions of the project begin with.
const module = "github.com/labkv/labkv/"

// harness are packages whose frames say nothing about the code under test.
var harness = []string{"lab/sim.", "lab/graded."}

// ownFrames returns the calls of a goroutine's stack that are of the project but
// not of the simulator, one to a line, innermost first.
func ownFrames(stack string) string {
	lines := strings.Split(stack, "\n")
	var frames []string
	for i := 0; i+1 < len(lines); i++ {
		call, ok := strings.CutPrefix(lines[i], module)
		if !ok || !strings.HasPrefix(lines[i+1], "\t") || isHarness(call) {
			continue
		}
		if end := strings.LastIndexByte(call, '('); end > 0 {
			call = call[:end]
		}
		at, _, _ := strings.Cut(strings.TrimPrefix(lines[i+1], "\t"), " +0x")
		if j := strings.LastIndex(at, "/"); j >= 0 {
			at = at[j+1:]
		}
		frames = append(frames, call+"  "+at)
	}
	return strings.Join(frames, "\n")
}

func isHarness(call string) bool {
	for _, prefix := range harness {
		if strings.HasPrefix(call, prefix) {
			return true
		}
	}
	return false
}
