package grade_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/course"
)

// arguments are how many arguments an assertion of testify has without a message.
var arguments = map[string]int{
	"True": 2, "False": 2, "Nil": 2, "NotNil": 2, "NoError": 2, "Error": 2, "Empty": 2, "NotEmpty": 2, "Zero": 2, "NotZero": 2,
	"Positive": 2, "Negative": 2, "Panics": 2, "NotPanics": 2, "Fail": 2, "FailNow": 2,
	"Equal": 3, "NotEqual": 3, "EqualValues": 3, "Len": 3, "Contains": 3, "NotContains": 3, "Less": 3, "LessOrEqual": 3,
	"Greater": 3, "GreaterOrEqual": 3, "ErrorIs": 3, "ErrorAs": 3, "ErrorContains": 3, "EqualError": 3, "Regexp": 3, "NotRegexp": 3,
	"ElementsMatch": 3, "Subset": 3, "Implements": 3, "IsType": 3, "Same": 3, "NotSame": 3, "JSONEq": 3,
	"InDelta": 4, "InEpsilon": 4,
}

// Each assertion that a graded test can come to says what it is about. Without words a
// student reads "it is 2 and should be 1".
func TestAssertionsHaveWords(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	c, err := course.Load(root)
	require.NoError(t, err)
	tests := map[string][]string{} // by package
	for _, s := range c.Stages() {
		for _, test := range s.Tests {
			tests[test.Package] = append(tests[test.Package], test.Name)
		}
	}
	checked := 0
	for dir, names := range tests {
		funcs := functionsIn(t, filepath.Join(root, dir), func(info fs.FileInfo) bool { return strings.HasSuffix(info.Name(), "_test.go") })
		checked += requireWords(t, root, reached(funcs, names))
	}
	// What these have is for graded tests only.
	for _, dir := range []string{"lab/rafttest", "lab/sim", "lab/sim/kvload", "lab/sim/storesim"} {
		checked += requireWords(t, root, functionsIn(t, filepath.Join(root, dir), func(info fs.FileInfo) bool { return !strings.HasSuffix(info.Name(), "_test.go") }))
	}
	require.Greater(t, checked, 100, "assertions that were looked at")
}

// A function is declared in a file of the course.
type function struct {
	fset *token.FileSet
	decl *ast.FuncDecl
}

func functionsIn(t *testing.T, dir string, is func(fs.FileInfo) bool) []function {
	fset := token.NewFileSet()
	//lint:ignore SA1019 the files of a directory are all that is wanted
	packages, err := parser.ParseDir(fset, dir, is, parser.SkipObjectResolution)
	require.NoError(t, err)
	var funcs []function
	for _, p := range packages {
		for _, f := range p.Files {
			for _, d := range f.Decls {
				if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil {
					funcs = append(funcs, function{fset, fd})
				}
			}
		}
	}
	return funcs
}

// reached returns those of funcs that a function with one of names can come to, as far
// as names tell.
func reached(funcs []function, names []string) []function {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	done := map[*ast.FuncDecl]bool{}
	var all []function
	for more := true; more; {
		more = false
		for _, f := range funcs {
			if !wanted[f.decl.Name.Name] || done[f.decl] {
				continue
			}
			done[f.decl], more = true, true
			all = append(all, f)
			ast.Inspect(f.decl.Body, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && !strings.HasPrefix(id.Name, "Test") {
					wanted[id.Name] = true
				}
				return true
			})
		}
	}
	return all
}

// requireWords requires that all assertions in funcs have a message, and returns how
// many there are.
func requireWords(t *testing.T, root string, funcs []function) int {
	n := 0
	for _, f := range funcs {
		ast.Inspect(f.decl.Body, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); !ok || pkg.Name != "require" && pkg.Name != "assert" {
				return true
			}
			n++
			without, known := arguments[sel.Sel.Name]
			at := f.fset.Position(call.Pos())
			file, _ := filepath.Rel(root, at.Filename)
			place := fmt.Sprintf("%s:%d", filepath.ToSlash(file), at.Line)
			switch {
			case strings.HasSuffix(sel.Sel.Name, "f"):
			case !known:
				t.Errorf("%s: %s is not known to this test", place, sel.Sel.Name)
			case len(call.Args) <= without:
				t.Errorf("%s: require.%s has no message", place, sel.Sel.Name)
			}
			return true
		})
	}
	return n
}
