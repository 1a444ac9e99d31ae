// Package stack reads what the Go runtime prints of goroutines, and tells people
// which of the project's functions they are in and what they wait for.
package stack

import (
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/labkv/labkv/lab/fold"
)

// A Call is a call of a function whose source is in the project's tree.
type Call struct {
	Function string // "raft.(*Raft).Step", without the path of its package
	File     string // relative to the root of the tree, with slashes
	Line     int
}

// At is where the call is, as file:line.
func (c Call) At() string { return c.File + ":" + strconv.Itoa(c.Line) }

func (c Call) String() string { return c.At() + "  " + c.Function }

// A Goroutine is what was printed of one.
type Goroutine struct {
	ID string
	// State is the runtime's word for what it does: "running", "chan receive",
	// "sync.Mutex.Lock", …
	State string
	// Calls are the calls in the tree, the innermost first.
	Calls []Call
	// Text is all that was printed of it.
	Text string
}

var (
	head = regexp.MustCompile(`^goroutine (\d+)[^\[]*\[([^\]]*)\]:$`)
	file = regexp.MustCompile(`^\t(.+\.go):(\d+)(?: .*)?$`)
)

// Parse returns the goroutines in text, which may have other lines. Calls are those with a
// source below one of roots: the directory of a tree, or the path of its module, which is
// what a program that was built with -trimpath has in place of the directory.
func Parse(text string, roots ...string) []Goroutine {
	var all []Goroutine
	var g *Goroutine
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, line := range lines {
		if m := head.FindStringSubmatch(line); m != nil {
			all = append(all, Goroutine{ID: m[1], State: stateOf(m[2])})
			g = &all[len(all)-1]
		}
		if g == nil {
			continue
		}
		g.Text += line + "\n"
		m := file.FindStringSubmatch(line)
		if m == nil || strings.HasPrefix(lines[i-1], "created by ") {
			continue
		}
		for _, root := range roots {
			if name, ok := strings.CutPrefix(filepath.ToSlash(m[1]), strings.TrimSuffix(filepath.ToSlash(root), "/")+"/"); ok {
				n, _ := strconv.Atoi(m[2])
				g.Calls = append(g.Calls, Call{functionOf(lines[i-1]), name, n})
				break
			}
		}
	}
	return all
}

// stateOf returns the state in what a goroutine's first line has between brackets,
// such as "chan receive (durable), 2 minutes, synctest bubble 2".
func stateOf(text string) string {
	text, _, _ = strings.Cut(text, ",")
	for _, detail := range []string{" (durable)", " (scan)"} {
		text = strings.ReplaceAll(text, detail, "")
	}
	return text
}

// functionOf turns "example.com/m/raft.(*Raft).Step(0xc0001, {0x1, …})" into
// "raft.(*Raft).Step".
func functionOf(call string) string {
	if i := strings.LastIndexByte(call, '('); i > 0 && strings.HasSuffix(call, ")") {
		call = call[:i]
	}
	return call[strings.LastIndexByte(call, '/')+1:]
}

// Waits says what the goroutine does, for people: "waits to receive from a
// channel". It is "computes" for one that does not wait.
func (g *Goroutine) Waits() string {
	switch g.State {
	case "running", "runnable", "syscall", "copystack", "preempted", "idle":
		return "computes"
	case "chan receive":
		return "waits to receive from a channel"
	case "chan send":
		return "waits to send to a channel"
	case "chan receive (nil chan)":
		return "waits to receive from a nil channel, which never happens"
	case "chan send (nil chan)":
		return "waits to send to a nil channel, which never happens"
	case "select":
		return "waits in a select"
	case "select (no cases)":
		return "waits in a select without cases, which never ends"
	case "sleep":
		return "sleeps"
	case "sync.Mutex.Lock", "sync.RWMutex.Lock", "sync.RWMutex.RLock", "sync.Cond.Wait", "sync.WaitGroup.Wait":
		return "waits in " + g.State
	case "semacquire":
		return "waits for a lock or a sync.WaitGroup"
	case "IO wait":
		return "waits for input or output"
	}
	return "waits (" + g.State + ")"
}

// Of returns the goroutine's calls for which is says yes to the file.
func (g *Goroutine) Of(is func(file string) bool) []Call {
	var calls []Call
	for _, c := range g.Calls {
		if is(c.File) {
			calls = append(calls, c)
		}
	}
	return calls
}

// Outer returns the outermost calls of a that b has, too, where a and b are the same
// goroutine at two times: those that have not returned. The innermost of them may be at
// another line by then.
func Outer(a, b []Call) []Call {
	n := 0
	for n < len(a) && n < len(b) {
		x, y := a[len(a)-1-n], b[len(b)-1-n]
		if x.Function != y.Function {
			break
		}
		n++
		if x.Line != y.Line {
			break
		}
	}
	return a[len(a)-n:]
}

// Text tells calls, one to a line, the innermost first. Recursion is shown once, and
// of many calls only both ends.
func Text(calls []Call) string {
	const longest, inner, outer = 6, 7, 2
	var lines []string
	for _, r := range fold.Runs(calls, longest) {
		for _, c := range calls[r.From : r.From+r.Length] {
			lines = append(lines, c.String())
		}
		// How often is not known of deep recursion: the runtime prints both ends.
		if r.Times > 1 {
			lines = append(lines, "(and these calls again and again)")
		}
	}
	return strings.Join(fold.Middle(lines, inner, outer), "\n")
}

// Root is what [Parse] needs to know the calls of the program that is running.
var Root = func() string {
	_, self, _, _ := runtime.Caller(0)
	return strings.TrimSuffix(filepath.ToSlash(self), "/lab/stack/stack.go")
}()

// IsStudents reports whether a student may have written a file of this project, as
// far as its name says: it belongs neither to the lab nor to a test, and was not
// generated. Mutants stand for students.
func IsStudents(file string) bool {
	switch {
	case strings.HasPrefix(file, "lab/mutants/"):
		return true
	case strings.HasPrefix(file, "lab/"), strings.HasPrefix(file, "proto/"):
		return false
	}
	return !strings.HasSuffix(file, "_test.go")
}

// Students returns the calls of a student's functions in the first goroutine of
// text that has any, the innermost first.
func Students(text string) []Call {
	for _, g := range Parse(text, Root) {
		if calls := g.Of(IsStudents); len(calls) > 0 {
			return calls
		}
	}
	return nil
}

// In names the innermost of calls, as in " in raft.(*Raft).Step (raft/raft.go:88)";
// it is "" if there are none.
func In(calls []Call) string {
	if len(calls) == 0 {
		return ""
	}
	return fmt.Sprintf(" in %s (%s)", calls[0].Function, calls[0].At())
}
