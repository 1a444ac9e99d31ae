// Package todo recognizes calls of functions that a student has not written yet. In
// a handout such a function panics with a text that names it and its stage; what
// runs a student's code turns that panic into one line, which says where to read
// on.
package todo

import (
	"regexp"
	"strings"

	"github.com/labkv/labkv/lab/course"
)

// ExitCode is how a program of the course ends when it has called a function that is
// not written yet. To start it again does not help.
const ExitCode = 3

// A Func is a function that is not written yet.
type Func struct {
	Stage string // as directives spell it: "2AA"
	Name  string // as package overlay has it: "(*Raft).Step", "raft.New"
}

// String returns the text that the function panics with.
func (f Func) String() string { return "TODO(" + f.Stage + "): implement " + f.Name }

var text = regexp.MustCompile(`^TODO\(([0-9]+[A-Z]*)\): implement (\S+)$`)

// Recovered returns the function that panicked with value, if that is what the
// panic was about.
func Recovered(value any) (Func, bool) {
	s, _ := value.(string)
	m := text.FindStringSubmatch(s)
	if m == nil {
		return Func{}, false
	}
	return Func{Stage: m[1], Name: m[2]}, true
}

// Explain returns what to tell the student:
//
//	not implemented: raft.New; stage 2aa, see doc/project2-raftkv.md#leader-election
//
// The guide is that of the course which the directory dir is in, and is left out if
// there is none.
func (f Func) Explain(dir string) string {
	line := "not implemented: " + f.Name + "; stage " + strings.ToLower(f.Stage)
	root, err := course.Find(dir)
	if err != nil {
		return line
	}
	c, err := course.Load(root)
	if err != nil {
		return line
	}
	if s, ok := c.Stage(f.Stage); ok && s.Guide != "" {
		line += ", see " + s.Guide
	}
	return line
}
