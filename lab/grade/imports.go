package grade

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/labkv/labkv/lab/course"
)

// importReasons are the reasons why a package is not for solutions, for the packages
// that students try.
var importReasons = []struct{ pattern, reason string }{
	{"C", "cgo leaves the Go language"},
	{"unsafe", "it goes around the type system"},
	{"reflect", "it goes around the type system"},
	{"os", "a solution does no I/O of its own"},
	{"net", "a solution opens no connections of its own"},
	{"syscall", "a solution does not talk to the operating system"},
	{"plugin", "a solution loads no other code"},
	{"runtime", "a solution does not control the runtime"},
	{"testing", "a solution does not know that it is tested"},
	{"flag", "a solution is configured by its caller"},
	{"embed", "a solution consists of Go code only"},
	{"text/template", "it can read files"},
	{"html/template", "it can read files"},
	{"crypto/rand", "it cannot be replayed"},
	{"hash/maphash", "it cannot be replayed"},
	{"encoding", "only what computes plainly is needed: binary, hex and base64"},
}

// pragmas are the compiler directives that a solution may use.
var pragmas = []string{"//go:build", "//go:generate", "//go:noinline", "//go:fix"}

// checkSource holds the submitted files to the list of packages that they may
// import, and refuses the directives that reach around it. It does not build
// anything. The result is in the order of files and lines; broken is what does
// not even parse, in the compiler's form.
func checkSource(c *course.Course, files map[string][]byte) (refused, broken []string) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, files[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			broken = append(broken, printable(strings.Split(err.Error(), "\n")[0]))
			continue
		}
		at := func(pos token.Pos) string {
			// Not adjusted: a line directive must not say where it is.
			return fmt.Sprintf("%s:%d: ", name, fset.PositionFor(pos, false).Line)
		}
		for _, spec := range file.Imports {
			importPath, err := strconv.Unquote(spec.Path.Value)
			if err != nil || !c.MayImport(path.Dir(name), importPath) {
				refused = append(refused, at(spec.Pos())+"imports "+spec.Path.Value+importReason(c, importPath))
			}
		}
		for _, comment := range comments(file) {
			if directive, bad := badDirective(comment.Text); bad {
				refused = append(refused, at(comment.Pos())+"the directive "+directive+" is not accepted")
			}
		}
	}
	return refused, broken
}

func comments(file *ast.File) []*ast.Comment {
	var all []*ast.Comment
	for _, group := range file.Comments {
		all = append(all, group.List...)
	}
	return all
}

func badDirective(text string) (string, bool) {
	word, _, _ := strings.Cut(text, " ")
	word, _, _ = strings.Cut(word, "\t")
	switch {
	case strings.HasPrefix(text, "//line ") || strings.HasPrefix(text, "/*line "):
		return word, true
	case strings.HasPrefix(text, "//go:"):
		return word, !slices.Contains(pragmas, word)
	case strings.HasPrefix(text, "//export "), strings.HasPrefix(text, "//extern "):
		return word, true
	}
	return "", false
}

func importReason(c *course.Course, importPath string) string {
	if strings.HasPrefix(importPath, c.Module+"/") {
		return ", which this stage does not need"
	}
	if reason := packageReason(importPath); reason != "" {
		return "; " + reason
	}
	return ", which is not among the packages that a solution may use (see imports in " + course.FileName + ")"
}

// packageReason returns why a package is not for solutions, or "" if there is no more to
// say than that it is not in the list.
func packageReason(importPath string) string {
	for _, r := range importReasons {
		if importPath == r.pattern || strings.HasPrefix(importPath, r.pattern+"/") {
			return r.reason
		}
	}
	return ""
}
