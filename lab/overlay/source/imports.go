package source

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ImportPath returns the path of an import without its quotes.
func ImportPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return p
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// ImportNames returns the names under which the imported package can be known
// in its file, the likeliest first: the explicit one, or what people make of
// such a path.
func ImportNames(spec *ast.ImportSpec) []string {
	if spec.Name != nil {
		return []string{spec.Name.Name}
	}
	dir, last := path.Split(ImportPath(spec))
	if majorVersion.MatchString(last) && dir != "" {
		last = path.Base(dir)
	}
	names := []string{last}
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if i := strings.LastIndex(last, ".v"); i > 0 {
		add(last[:i]) // gopkg.in/yaml.v3
	}
	for _, n := range slices.Clone(names) {
		add(strings.TrimPrefix(n, "go-"))
		add(strings.TrimSuffix(n, "-go"))
		add(strings.TrimSuffix(n, ".go"))
	}
	for _, n := range slices.Clone(names) {
		add(strings.ReplaceAll(n, "-", ""))
		add(strings.ReplaceAll(n, "-", "_"))
		add(n[strings.LastIndexAny(n, "-.")+1:])
	}
	return names
}

// Qualifiers returns, for each name that f uses as the name of an import
// (x in x.Name, where nothing in f declares x), the places where it does.
func (f *File) Qualifiers() map[string][]token.Pos {
	uses := map[string][]token.Pos{}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil {
				uses[id.Name] = append(uses[id.Name], id.Pos())
			}
		}
		return true
	})
	return uses
}
