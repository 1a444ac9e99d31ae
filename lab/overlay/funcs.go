package overlay

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/overlay/source"
)

// Func is a function that students implement.
type Func struct {
	// Name is as Go's tools print it, without type parameters, and of a method without
	// the package: raft.newLog, (*Raft).becomeLeader, State.String.
	Name string
	// Stage is the stage that asks for it, as the directive spells it.
	Stage string
	// Quiet is whether earlier stages call it, so that it does nothing instead of
	// panicking.
	Quiet bool
	// File is slash separated and relative to the root of the tree.
	File string
	// Line is where "func" stands.
	Line int
	// Doc is the text of the doc comment without comment marks and directives.
	Doc string
	// TODO is whether the body is still the skeleton's. A student who began to
	// write, but left the panic in, has not implemented the function.
	TODO bool
}

// Funcs returns every function with a //lab:implement directive, in the order
// of Dirs, then by file and line.
//
// A student's tree can be broken in places: beside an error (a
// [source.ErrorList]) Funcs returns what it could read.
func (t *Tree) Funcs() ([]Func, error) {
	var funcs []Func
	var mistakes source.ErrorList
	for _, dir := range t.Dirs {
		p, wrong := load(os.DirFS(t.Root), dir, t.Stages)
		mistakes = append(mistakes, wrong...)
		first := len(funcs)
		for f, m := range p.marks {
			for fn, d := range m.implement {
				funcs = append(funcs, Func{
					Name:  task(f, fn, d).Name,
					Stage: d.stage,
					Quiet: d.quiet,
					File:  f.Path,
					Line:  f.Line(fn.Pos()),
					Doc:   strings.TrimSpace(fn.Doc.Text()),
					TODO:  p.isPlaceholder(f, fn, d),
				})
			}
		}
		slices.SortFunc(funcs[first:], func(a, b Func) int {
			return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
		})
	}
	return funcs, mistakes.Err()
}
