package mutants

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/labkv/labkv/lab/overlay/source"
)

// originalSuffix names the right body of a mutated function.
const originalSuffix = "_original"

// target is a package of the solution that mutants replace functions of.
type target struct {
	dir   string
	name  string // of the package
	files []*source.File
	funcs map[funcKey][]place
	// names are all other declarations at package level.
	names map[string]bool
}

// funcKey identifies a function: the name of the type it is a method of, or "", and its own.
type funcKey struct{ recv, name string }

func keyOf(fn *ast.FuncDecl) funcKey {
	base, _ := source.Receiver(fn)
	return funcKey{base, fn.Name.Name}
}

// place is where a function is declared.
type place struct {
	file *source.File
	fn   *ast.FuncDecl
}

// target reads the package in dir, without its tests.
func (l *loader) target(dir string) (*target, error) {
	if t, ok := l.packages[dir]; ok {
		return t, nil
	}
	files, err := source.ParseDir(l.fsys, dir)
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(f *source.File) bool { return f.IsTest() })
	if len(files) == 0 {
		return nil, source.ErrorList{{File: dir, Msg: "holds no Go package for a mutant to change"}}
	}
	t := &target{
		dir:   dir,
		name:  files[0].AST.Name.Name,
		files: files,
		funcs: map[funcKey][]place{},
		names: map[string]bool{},
	}
	for _, f := range files {
		for _, d := range f.AST.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				key := keyOf(d)
				t.funcs[key] = append(t.funcs[key], place{f, d})
			case *ast.GenDecl:
				for _, id := range declared(d) {
					t.names[id.Name] = true
				}
			}
		}
	}
	l.packages[dir] = t
	return t, nil
}

// declared returns the names that a const, var or type declaration declares.
func declared(d *ast.GenDecl) (names []*ast.Ident) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			names = append(names, s.Name)
		case *ast.ValueSpec:
			names = append(names, s.Names...)
		}
	}
	return names
}

// compare checks the functions of a mutant against the package. It returns those that
// replace one.
func (t *target) compare(m *source.File) (replaced []*ast.FuncDecl, mistakes source.ErrorList) {
	at := func(n ast.Node, format string, args ...any) {
		mistakes.Add(m.Path, m.Line(n.Pos()), format, args...)
	}
	helpers := t.helpers(m)
	seen := map[funcKey]bool{}
	for _, fn := range m.Funcs() {
		key, name := keyOf(fn), source.FuncName(fn)
		switch {
		case seen[key]:
			at(fn, "%s is declared twice", name)
			continue
		case fn.Body == nil:
			at(fn, "%s has no body", name)
			continue
		case key.name == "init" && key.recv == "", key.name == "_":
			at(fn, "a mutant cannot have a function %s", name)
			continue
		}
		seen[key] = true
		places := t.funcs[key]
		if len(places) == 0 {
			if key.recv == "" && helpers[declaration(fn.Name)] || key.recv != "" && declaresType(m, key.recv) {
				continue
			}
			if key.recv == "" && t.names[key.name] {
				at(fn, "%s is declared in %s, and not as a function; a mutant replaces only functions", name, t.dir)
				continue
			}
			at(fn, "%s has no %s; a mutant replaces functions, and may add methods only to types of its own", t.dir, name)
			continue
		}
		if wrong := t.replaceable(m, fn, places); wrong != "" {
			at(fn, "%s", wrong)
			continue
		}
		replaced = append(replaced, fn)
	}
	if len(replaced) == 0 && len(mistakes) == 0 {
		mistakes.Add(m.Path, m.Line(m.AST.Package), "replaces no function of %s", t.dir)
	}
	mistakes = append(mistakes, t.compareHelpers(m, helpers)...)
	if len(mistakes) == 0 {
		mistakes = compareOriginals(m, replaced)
	}
	return replaced, mistakes
}

// replaceable returns what keeps fn from replacing the function found at places,
// or "".
func (t *target) replaceable(m *source.File, fn *ast.FuncDecl, places []place) string {
	name, original := source.FuncName(fn), places[0]
	where := func(p place) string { return p.file.Path + ":" + strconv.Itoa(p.file.Line(p.fn.Pos())) }
	switch {
	case len(places) > 1:
		return name + " exists more than once (" + where(places[0]) + ", " + where(places[1]) + "), so it cannot be replaced"
	case original.fn.Body == nil:
		return name + " has no Go body (" + where(original) + "), so it cannot be replaced"
	case original.file.ImportsC():
		return name + " is in a cgo file (" + where(original) + "), so it cannot be replaced"
	case signature(m, fn) != signature(original.file, original.fn):
		return name + " has another signature than " + where(original) + ", which is " + header(original.file, original.fn)
	case callsRecover(fn) || callsRecover(original.fn):
		return name + " calls recover, which works only when deferred directly, so it cannot be replaced"
	case typeParamsUnnamed(fn):
		return name + " has a type parameter without a name, so it cannot be replaced"
	case source.Statements(fn.Body) == source.Statements(original.fn.Body):
		return name + " has the same body as " + where(original) + "; that is not a mistake"
	}
	return ""
}

// declaration returns where the file of id declares what id means, or NoPos if
// it does not. Without types that is unknown for a key of a composite literal, which
// compareHelpers therefore refuses.
func declaration(id *ast.Ident) token.Pos {
	if id.Obj == nil {
		return token.NoPos
	}
	return id.Obj.Pos()
}

// helpers returns the declarations of m that the package does not have: its own
// functions, types, constants and variables.
func (t *target) helpers(m *source.File) map[token.Pos]bool {
	helpers := map[token.Pos]bool{}
	add := func(id *ast.Ident) {
		if declaration(id).IsValid() && id.Name != "_" && !t.names[id.Name] && len(t.funcs[funcKey{"", id.Name}]) == 0 {
			helpers[declaration(id)] = true
		}
	}
	for _, d := range m.AST.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add(d.Name)
			}
		case *ast.GenDecl:
			for _, id := range declared(d) {
				add(id)
			}
		}
	}
	return helpers
}

// compareHelpers checks the declarations that a mutant adds.
func (t *target) compareHelpers(m *source.File, helpers map[token.Pos]bool) (mistakes source.ErrorList) {
	at := func(n ast.Node, format string, args ...any) {
		mistakes.Add(m.Path, m.Line(n.Pos()), format, args...)
	}
	uses := map[token.Pos]int{}
	ast.Inspect(m.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if d := declaration(n); helpers[d] {
				uses[d]++
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					if id, ok := kv.Key.(*ast.Ident); ok && helpers[declaration(id)] {
						// The syntax does not tell a field from a key of a map.
						at(id, "%s can be a field here, or what this file declares under that name; rename the second one", id.Name)
					}
				}
			}
		}
		return true
	})
	for _, d := range m.AST.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv != nil {
				continue
			}
			if helpers[declaration(d.Name)] && uses[declaration(d.Name)] < 2 {
				at(d, "%s has no function %s, and nothing here uses it", t.dir, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, id := range declared(d) {
				if t.names[id.Name] || len(t.funcs[funcKey{"", id.Name}]) > 0 {
					at(id, "%s is declared in %s; a mutant replaces only functions", id.Name, t.dir)
				}
			}
		}
	}
	return mistakes
}

// compareOriginals checks that the right bodies which a mutant calls exist
// whichever other mutants are built together with it.
func compareOriginals(m *source.File, replaced []*ast.FuncDecl) (mistakes source.ErrorList) {
	ast.Inspect(m.AST, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		name, ok := strings.CutSuffix(id.Name, originalSuffix)
		if ok && !slices.ContainsFunc(replaced, func(fn *ast.FuncDecl) bool { return fn.Name.Name == name }) {
			mistakes.Add(m.Path, m.Line(id.Pos()), "%s exists only if this mutant replaces %s", id.Name, name)
		}
		return true
	})
	return mistakes
}

func declaresType(f *source.File, name string) bool {
	return slices.ContainsFunc(f.AST.Decls, func(d ast.Decl) bool {
		g, ok := d.(*ast.GenDecl)
		return ok && g.Tok == token.TYPE && slices.ContainsFunc(declared(g), func(id *ast.Ident) bool { return id.Name == name })
	})
}

// callsRecover reports whether fn itself calls recover; what function literals
// in it do is not affected by a dispatcher.
func callsRecover(fn *ast.FuncDecl) bool {
	found := false
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "recover" && id.Obj == nil {
				found = true
			}
		}
		return !found
	})
	return found
}

func typeParamsUnnamed(fn *ast.FuncDecl) bool {
	return slices.Contains(typeParams(fn), "_")
}

// typeParams returns the names of the type parameters of a function that is no method.
func typeParams(fn *ast.FuncDecl) (names []string) {
	if fn.Type.TypeParams != nil {
		for _, field := range fn.Type.TypeParams.List {
			for _, id := range field.Names {
				names = append(names, id.Name)
			}
		}
	}
	return names
}

// header returns the declaration of fn without its body, on one line.
func header(f *source.File, fn *ast.FuncDecl) string {
	text := string(f.Src[f.Offset(fn.Pos()):f.Offset(fn.Type.End())])
	return strings.Join(strings.Fields(text), " ")
}

// signature returns the receiver, type parameters, parameter types and result
// types of fn. Imports stand in it with their paths, so that the signatures of functions
// in different files are equal exactly if they mean the same.
func signature(f *source.File, fn *ast.FuncDecl) string {
	var out strings.Builder
	paths := map[string]string{}
	for _, spec := range f.AST.Imports {
		for _, name := range source.ImportNames(spec) {
			if _, taken := paths[name]; !taken {
				paths[name] = strconv.Quote(source.ImportPath(spec))
			}
		}
	}
	list := func(fields *ast.FieldList, names bool) {
		out.WriteByte('(')
		if fields != nil {
			for _, field := range fields.List {
				t := typeText(f, field.Type, paths)
				for i := range max(1, len(field.Names)) {
					if names {
						out.WriteString(field.Names[i].Name + " ")
					}
					out.WriteString(t + ",")
				}
			}
		}
		out.WriteByte(')')
	}
	list(fn.Recv, false)
	list(fn.Type.TypeParams, true)
	list(fn.Type.Params, false)
	list(fn.Type.Results, false)
	return out.String()
}

// typeText formats a type, with the names of imports replaced by their paths.
func typeText(f *source.File, t ast.Expr, paths map[string]string) string {
	if e, ok := t.(*ast.Ellipsis); ok {
		return "..." + typeText(f, e.Elt, paths)
	}
	// A copy, because the names in it change.
	expr, err := parser.ParseExpr(f.Text(t))
	if err != nil {
		return f.Text(t)
	}
	ast.Inspect(expr, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && paths[id.Name] != "" {
				id.Name = paths[id.Name]
			}
		}
		return true
	})
	var out bytes.Buffer
	if err := printer.Fprint(&out, token.NewFileSet(), expr); err != nil {
		return f.Text(t)
	}
	return out.String()
}
