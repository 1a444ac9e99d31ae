package course

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pingcap/errors"
)

// Func is a test function as it stands in the tree.
type Func struct {
	Name    string
	Package string // directory
	File    string // relative to the root, slash separated
	Line    int
	Doc     string // doc comment, "" for none
	// External says that the function is in an external test package (raft_test),
	// as graded tests are.
	External bool
}

// TestFuncs returns the test functions in a directory of the course, in the
// order of files and lines.
func (c *Course) TestFuncs(dir string) ([]Func, error) {
	return testFuncs(c.Root, dir)
}

func testFuncs(root, dir string) ([]Func, error) {
	at := filepath.Join(root, filepath.FromSlash(dir))
	entries, err := os.ReadDir(at)
	if err != nil {
		return nil, errors.Trace(err)
	}
	fset := token.NewFileSet()
	var funcs []Func
	for _, entry := range entries {
		if entry.IsDir() || !strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, filepath.Join(at, entry.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, errors.Trace(err)
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			funcs = append(funcs, Func{
				Name:     fn.Name.Name,
				Package:  dir,
				File:     dir + "/" + entry.Name(),
				Line:     fset.Position(fn.Pos()).Line,
				Doc:      strings.TrimSpace(fn.Doc.Text()),
				External: strings.HasSuffix(file.Name.Name, "_test"),
			})
		}
	}
	return funcs, nil
}

var stageSuffix = regexp.MustCompile(`[0-9]+[A-Z]*$`)

// Resolve compares the lists of tests with the functions in the tree, and
// returns the course without the hidden tests whose functions are missing.
//
// The lists are the truth, and every difference is an error that names the test:
// a listed function that does not exist, and a function whose name ends in a
// stage that its package grades but that is not listed.
func (c *Course) Resolve() (*Course, error) {
	resolved := c.clone()
	p := &loader{course: resolved}
	funcs := map[string][]Func{} // by package
	var packages []string
	for _, s := range resolved.Stages() {
		for _, dir := range s.Packages {
			if slices.Contains(packages, dir) {
				continue
			}
			packages = append(packages, dir)
			found, err := c.TestFuncs(dir)
			if err != nil {
				return nil, err
			}
			funcs[dir] = found
		}
	}
	for _, s := range resolved.Stages() {
		s.Tests = slices.DeleteFunc(s.Tests, func(t *Test) bool {
			i := slices.IndexFunc(funcs[t.Package], func(f Func) bool { return f.Name == t.Name })
			if i >= 0 {
				if f := funcs[t.Package][i]; !f.External {
					p.problem(t.line, "%s (%s:%d) must be in package %s_test", t.Name, f.File, f.Line, filepath.Base(t.Package))
				}
				return false
			}
			if !t.Hidden {
				p.problem(t.line, "%s is not in package %s", t.Name, t.Package)
			}
			return t.Hidden
		})
	}
	var unlisted []string
	for _, dir := range packages {
		for _, f := range funcs[dir] {
			stage, ok := resolved.Stage(stageSuffix.FindString(f.Name))
			if !ok || !slices.Contains(stage.Packages, dir) {
				continue
			}
			if !slices.ContainsFunc(stage.Tests, func(t *Test) bool { return t.Name == f.Name && t.Package == dir }) {
				unlisted = append(unlisted, fmt.Sprintf("%s:%d: %s is not among the tests of stage %s in %s", f.File, f.Line, f.Name, stage.ID, FileName))
			}
		}
	}
	if err := p.err(FileName); err != nil {
		unlisted = append(strings.Split(err.Error(), "\n"), unlisted...)
	}
	if len(unlisted) > 0 {
		return nil, errors.New(strings.Join(unlisted, "\n"))
	}
	return resolved, nil
}
