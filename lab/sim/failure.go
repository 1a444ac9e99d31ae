package sim

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/stack"
)

// A Failure is why a run failed.
type Failure struct {
	// Rule names what was broken, so that two failures can be compared:
	// "panic", "linearizable", "one leader per term", …
	Rule string
	// At is when it showed; 0 if that was only after the run.
	At time.Duration
	// Store is the machine that it showed on, 0 if it did not show on one.
	Store uint64
	// Found is one sentence.
	Found string
	// Fate tells what happened to the request or entry in question.
	Fate string
	// Panic is what the system panicked with, nil if it did not; Stack is where,
	// innermost call first.
	Panic any
	Stack string
	// about is the command that the failure is about, if it is about one, and
	// operations are the clients' operations that it is about.
	about      check.Command
	operations []*check.Operation
	// transactions are the clients' transactions that it is about, and key is the key.
	transactions []*check.Transaction
	key          string
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
		return &Failure{Rule: v.Rule, Store: v.Store, At: v.At, Found: v.Found, Fate: v.Fate, about: v.About, operations: v.Operations, transactions: v.Transactions, key: v.Key, Harness: v.Undecided}
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
	calls := systemCalls(&stack.Parse(string(debug.Stack()), stack.Root)[0])
	w.fail(&Failure{
		Rule:  "panic",
		Store: l.machine.id,
		Found: fmt.Sprintf("%v panics%s: %v", l.machine, stack.In(calls), r),
		Panic: r,
		Stack: stack.Text(calls),
	})
}

// systemCalls returns the calls of g that are of the system under test, the innermost
// first.
func systemCalls(g *stack.Goroutine) []stack.Call {
	return g.Of(func(file string) bool { return stack.IsStudents(file) || strings.HasSuffix(file, "_test.go") })
}
