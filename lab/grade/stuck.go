package grade

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/stack"
)

// A stuck is where a process was when its time was over.
type stuck struct {
	does string // "raft.(*Raft).Step waits to receive from a channel"
	at   string // file:line; "" for a function that computes, which is now here, now there
	text string // some lines on each goroutine
}

// maxStuck bounds the goroutines that are told of.
const maxStuck = 3

// A place is where one goroutine was.
type place struct {
	computes bool
	does     string       // "computes", "waits to receive from a channel"
	calls    []stack.Call // of the tree, the innermost first
	mine     stack.Call   // the one that is named
	ofTest   bool         // it is the goroutine of the test itself
}

// stuckIn tells where the student's goroutines are. It returns nil if none of these is
// in the student's code. What it tells is the same each time that the same program
// hangs: a goroutine that waits is where it is, and of one that computes only the
// function counts that it was called for.
func stuckIn(goroutines []stack.Goroutine, mine func(file string) bool) *stuck {
	var places []place
	for i := range goroutines {
		if p, ok := placeOf(&goroutines[i], mine); ok {
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
	if !first.computes {
		s.at = first.mine.At()
	}
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
func placeOf(g *stack.Goroutine, mine func(file string) bool) (place, bool) {
	p := place{
		does:   g.Waits(),
		calls:  g.Of(func(file string) bool { return !strings.HasPrefix(file, "lab/graded/") }),
		ofTest: strings.Contains(g.Text, "/lab/graded.") || strings.Contains(g.Text, "\ntesting.tRunner("),
	}
	p.computes = p.does == "computes"
	first, last := -1, -1
	for i, c := range p.calls {
		if mine(c.File) {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	switch {
	case first < 0:
		return place{}, false
	case p.computes:
		p.calls = p.calls[last:]
		p.mine = p.calls[0]
	default:
		p.mine = p.calls[first]
	}
	return p, true
}

// text tells p. The line at which a function computes is left out.
func (p place) text() string {
	calls := stack.Text(p.calls)
	if p.computes {
		calls = p.mine.File + "  " + p.mine.Function
		if len(p.calls) > 1 {
			calls += "\n" + stack.Text(p.calls[1:])
		}
	}
	return p.mine.Function + " " + p.does + "\n  " + strings.ReplaceAll(calls, "\n", "\n  ")
}
