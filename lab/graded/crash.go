package graded

import (
	"regexp"
	"strings"

	"github.com/labkv/labkv/lab/stack"
)

// A CrashTold is what a student is told of a crash: what happened, in which function, and
// how the program got there.
type CrashTold struct {
	Reason string // with the function, without the place
	At     string // file:line; "" if no call of the tree is known
	Stack  string // one call to a line, the innermost first
}

// Tell tells c to a student. The course's sources are below roots, as stack.Parse has
// them, and mine reports whether a student may have written one of them.
func (c *Crash) Tell(roots []string, mine func(file string) bool) CrashTold {
	return TellCrash(c.Message, stack.Parse(c.Stack, roots...), mine)
}

// TellCrash tells of a process that ended with a message while its goroutines were
// these. The first of them with calls of the student counts, else the first with any
// calls of the course.
func TellCrash(message string, goroutines []stack.Goroutine, mine func(file string) bool) CrashTold {
	of := func(g *stack.Goroutine, is func(file string) bool) bool { return len(g.Of(is)) > 0 }
	told := CrashTold{Reason: address.ReplaceAllString(message, "0x…")}
	for _, is := range []func(string) bool{mine, outsideGraded} {
		for i := range goroutines {
			g := &goroutines[i]
			if !of(g, is) {
				continue
			}
			calls := g.Of(is)
			told.Reason += ", in " + calls[0].Function
			if does := g.Waits(); does != "computes" {
				told.Reason += ", which " + does
			}
			told.At = calls[0].At()
			told.Stack = stack.Text(g.Of(outsideGraded))
			return told
		}
	}
	return told
}

// address is where something is in the memory of a process, which says nothing and differs
// from run to run.
var address = regexp.MustCompile(`\b0x[0-9a-f]{6,}\b`)

// outsideGraded reports whether a file tells a student anything about a failure: this
// package is on every stack.
func outsideGraded(file string) bool {
	return !strings.HasPrefix(file, "lab/graded/") || strings.HasSuffix(file, "_test.go")
}

// Found is the reason with its place.
func (c CrashTold) Found() string {
	if c.At == "" {
		return c.Reason
	}
	return c.Reason + " (" + c.At + ")"
}

// Sections returns what explains the reason.
func (c CrashTold) Sections() []Section {
	if c.Stack == "" {
		return nil
	}
	return []Section{{Name: "stack", Text: c.Stack}}
}
