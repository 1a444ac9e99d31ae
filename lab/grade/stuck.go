package grade

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/stack"
)

// A stuck is where a process was when its time was over.
type stuck struct {
	does string // "raft.(*Raft).Step waits to receive from a channel"
	at   string // file:line of what waits, or of the loop that does not end; "" if unknown
	text string // some lines on each goroutine
}

// maxStuck bounds the goroutines that are told of.
const maxStuck = 3

// A place is where one goroutine was.
type place struct {
	computes bool
	loop     int          // the line of the loop in which it computes, 0 if unknown
	does     string       // "computes", "waits to receive from a channel"
	calls    []stack.Call // of the tree, the innermost first
	mine     stack.Call   // the one that is named
	ofTest   bool         // it is the goroutine of the test itself
}

// stuckIn tells where the student's goroutines are. It returns nil if none of these is
// in the student's code.
//
// What it tells is the same each time that the same program hangs. A goroutine that waits
// is where it is. One that computes is now here, now there: of its calls those count that
// are there whenever one looks, down to the outermost that is in a loop.
func stuckIn(t Tree, goroutines []stack.Goroutine, mine func(file string) bool) *stuck {
	var places []place
	for i := range goroutines {
		if p, ok := placeOf(t, &goroutines[i], mine); ok {
			places = append(places, p)
		}
	}
	if len(places) == 0 {
		return nil
	}
	slices.SortStableFunc(places, func(a, b place) int {
		if a.ofTest != b.ofTest {
			if a.ofTest {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.text(), b.text())
	})
	// Goroutines at the same place are told of once.
	places = slices.CompactFunc(places, func(a, b place) bool { return a.text() == b.text() })
	first := places[0]
	s := &stuck{does: first.mine.Function + " " + first.does}
	s.at = first.at()
	var texts []string
	for i, p := range places {
		if i == maxStuck {
			texts = append(texts, fmt.Sprintf("… and in %d more goroutines", len(places)-i))
			break
		}
		texts = append(texts, p.text())
	}
	s.text = strings.Join(texts, "\n")
	return s
}

// placeOf returns where g is, and whether it is in the student's code at all.
func placeOf(t Tree, g *stack.Goroutine, mine func(file string) bool) (place, bool) {
	p := place{
		does:   g.Waits(),
		calls:  g.Of(func(file string) bool { return !strings.HasPrefix(file, "lab/graded/") }),
		ofTest: strings.Contains(g.Text, "/lab/graded.") || strings.Contains(g.Text, "\ntesting.tRunner("),
	}
	p.computes = p.does == "computes"
	first, last, looping := -1, -1, -1
	for i, c := range p.calls {
		if !mine(c.File) {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
		if line := loopAround(t, c); p.computes && line > 0 {
			looping, p.loop = i, line
		}
	}
	switch {
	case first < 0:
		return place{}, false
	case !p.computes:
		p.mine = p.calls[first]
		return p, true
	case looping >= 0:
		last = looping
		p.does = "does not come out of a loop"
	}
	p.calls = p.calls[last:]
	p.mine = p.calls[0]
	return p, true
}

// at is the place of the call that is named, as far as it is always the same.
func (p place) at() string {
	switch {
	case !p.computes:
		return p.mine.At()
	case p.loop > 0:
		return fmt.Sprintf("%s:%d", p.mine.File, p.loop)
	}
	return ""
}

// loopAround returns the line of the outermost loop that the call c is in, other than
// over the elements of something, in the function that makes it. It is 0 if there is
// none.
func loopAround(t Tree, c stack.Call) int {
	data, err := t.source(c.File)
	if err != nil {
		return 0
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, c.File, data, parser.SkipObjectResolution)
	if err != nil {
		return 0
	}
	line := 0
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil || fset.Position(n.Pos()).Line > c.Line || fset.Position(n.End()).Line < c.Line {
			return false
		}
		switch n.(type) {
		case *ast.FuncLit:
			line = 0 // a function in the loop, which is called elsewhere
		case *ast.ForStmt:
			if line == 0 {
				line = fset.Position(n.Pos()).Line
			}
		}
		return true
	})
	return line
}

// text tells p. Of a function that computes, its loop stands for the line.
func (p place) text() string {
	calls := stack.Text(p.calls)
	if p.computes {
		calls = cmp.Or(p.at(), p.mine.File) + "  " + p.mine.Function
		if len(p.calls) > 1 {
			calls += "\n" + stack.Text(p.calls[1:])
		}
	}
	return p.mine.Function + " " + p.does + "\n  " + strings.ReplaceAll(calls, "\n", "\n  ")
}
