package grade

import (
	"regexp"
	"strings"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/stack"
	"github.com/labkv/labkv/lab/todo"
)

// crash is what ended a process or a test that did not come to its end.
type crash struct {
	message string // one line: "panic: runtime error: index out of range [5] with length 3"
	todo    string // "TODO(2AA): implement (*Raft).Step", if that was the panic
	told    graded.CrashTold
}

var recovered = regexp.MustCompile(`( \[recovered(, repanicked)?\])+$`)

// newCrash returns the crash with that message, of a process with these goroutines.
func newCrash(c *course.Course, message string, goroutines []stack.Goroutine) *crash {
	told := message
	if message == stackOverflow {
		told = endlessRecursion
	}
	cr := &crash{message: message, told: graded.TellCrash(told, goroutines, studentsOf(c))}
	if text, ok := strings.CutPrefix(message, "panic: "); ok && isTODO(c, text, goroutines) {
		cr.todo = text
	}
	return cr
}

const (
	stackOverflow    = "fatal error: stack overflow"
	endlessRecursion = "endless recursion: a goroutine's stack grew to 64 MiB"
)

// isTODO reports whether a panic is about a function of the course that is not written yet.
// A panic of a student's own that looks like it is a mistake: the function that panics
// must be the one that the text names. Where the harness has handed a panic on, no function
// of the student is on the stack.
func isTODO(c *course.Course, text string, goroutines []stack.Goroutine) bool {
	missing, ok := todo.Recovered(text)
	if !ok {
		return false
	}
	if _, ok := c.Stage(missing.Stage); !ok {
		return false
	}
	for i := range goroutines {
		if calls := goroutines[i].Of(studentsOf(c)); len(calls) > 0 {
			// A function without a receiver is named with its package, a method is not.
			return calls[0].Function == missing.Name || strings.HasSuffix(calls[0].Function, "."+missing.Name)
		}
	}
	return true
}

// studentsOf returns what says which files of a course's tree a student may have
// written. Mutants stand for students.
func studentsOf(c *course.Course) func(file string) bool {
	return func(file string) bool { return c.Editable(file) || strings.HasPrefix(file, "lab/mutants/") }
}

// crashOf returns the crash that the report of a test tells of, or nil. What it says
// of a panic is better than what the runtime prints: that has addresses in it, and may
// have been cut.
func crashOf(c *course.Course, end *graded.Record) *crash {
	if end == nil || end.Crash == nil {
		return nil
	}
	return newCrash(c, graded.InOneLine(end.Crash.Message), stack.Parse(end.Crash.Stack, c.Root, c.Module))
}

// parseCrash finds the runtime's report in what a process printed. It returns nil if
// there is none.
func parseCrash(c *course.Course, output string) *crash {
	lines := strings.Split(strings.ReplaceAll(output, "\r\n", "\n"), "\n")
	first := -1
	for i, line := range lines {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			first = i
			break
		}
	}
	if first < 0 {
		return nil
	}
	end := first + 1
	message := []string{lines[first]}
	for ; end < len(lines) && lines[end] != "" && !strings.HasPrefix(lines[end], "goroutine "); end++ {
		if strings.HasPrefix(lines[end], "\t") || strings.HasPrefix(lines[end], "[signal ") {
			continue // a panic while panicking, or the signal's number and addresses
		}
		message = append(message, lines[end])
	}
	text := recovered.ReplaceAllString(graded.InOneLine(strings.Join(message, " ")), "")
	return newCrash(c, text, stack.Parse(strings.Join(lines[end:], "\n"), c.Root, c.Module))
}
