package overlay

import (
	"fmt"
	"go/ast"
	"go/parser"
	"slices"
	"strconv"
	"strings"

	"github.com/labkv/labkv/lab/overlay/source"
	"github.com/labkv/labkv/lab/todo"
)

// placeholder returns what stands between the braces of a function that is
// still to implement. problem is empty, or one line for the course author.
func (p *pkg) placeholder(f *source.File, fn *ast.FuncDecl, d implement) (body, problem string) {
	todo := task(f, fn, d).String()
	if !d.quiet {
		return "\n\tpanic(" + strconv.Quote(todo) + ")\n", ""
	}
	statements, problem := p.zeroReturn(f, fn)
	return "\n\t// " + todo + ". It does nothing yet.\n" + statements, problem
}

// task is fn as a student is told of it.
func task(f *source.File, fn *ast.FuncDecl, d implement) todo.Func {
	name := source.FuncName(fn)
	if fn.Recv == nil {
		name = f.AST.Name.Name + "." + name
	}
	return todo.Func{Stage: d.stage, Name: name}
}

// isPlaceholder reports whether the body of fn is still the skeleton's: it
// panics as a placeholder does, or, if quiet, is the placeholder unchanged.
func (p *pkg) isPlaceholder(f *source.File, fn *ast.FuncDecl, d implement) bool {
	todo := task(f, fn, d).String()
	if !d.quiet {
		found := false
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 1 {
				callee, _ := call.Fun.(*ast.Ident)
				text, _ := call.Args[0].(*ast.BasicLit)
				found = found || callee != nil && callee.Name == "panic" && text != nil && text.Value == strconv.Quote(todo)
			}
			return !found
		})
		return found
	}
	if !strings.Contains(f.Text(fn.Body), "// "+todo) {
		return false
	}
	statements, problem := p.zeroReturn(f, fn)
	if problem != "" {
		return false
	}
	want, err := parser.ParseExpr("func() {" + statements + "}")
	return err == nil && source.Statements(fn.Body) == source.Statements(want.(*ast.FuncLit).Body)
}

// zeroReturn returns statements that return the zero value of each result of
// fn, or nothing if it has no result.
func (p *pkg) zeroReturn(f *source.File, fn *ast.FuncDecl) (statements, problem string) {
	results := fn.Type.Results
	if results.NumFields() == 0 {
		return "", ""
	}
	if len(results.List[0].Names) > 0 {
		return "\treturn\n", ""
	}
	taken := signatureNames(fn)
	var declared strings.Builder
	values := make([]string, len(results.List))
	for i, r := range results.List {
		if value, ok := p.zero(f, fn, r.Type, 0); ok {
			values[i] = value
			continue
		}
		var hidden string
		ast.Inspect(r.Type, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && parameter(fn, id.Name) {
				hidden = id.Name
			}
			return hidden == ""
		})
		if hidden != "" {
			return "", fmt.Sprintf("the parameter %s of %s hides what its result type names, so that no zero result can be written; name the result or rename the parameter", hidden, source.FuncName(fn))
		}
		name := "zero"
		for n := 2; slices.Contains(taken, name); n++ {
			name = "zero" + strconv.Itoa(n)
		}
		taken = append(taken, name)
		values[i] = name
		fmt.Fprintf(&declared, "\tvar %s %s\n", name, f.Text(r.Type))
	}
	return declared.String() + "\treturn " + strings.Join(values, ", ") + "\n", ""
}

// zero returns the literal of the zero value of type t in the body of fn, if
// the syntax of the package's files shows what kind of type it is. depth counts
// the declarations followed on the way, which can form a cycle in broken code.
func (p *pkg) zero(f *source.File, fn *ast.FuncDecl, t ast.Expr, depth int) (string, bool) {
	// A literal that names something else in this function is none.
	literal := func(s string) (string, bool) {
		return s, !parameter(fn, s) && len(p.declarations(f, s)) == 0
	}
	switch t := t.(type) {
	case *ast.ParenExpr:
		return p.zero(f, fn, t.X, depth)
	case *ast.StarExpr, *ast.MapType, *ast.ChanType, *ast.FuncType, *ast.InterfaceType:
		return literal("nil")
	case *ast.ArrayType:
		if t.Len == nil {
			return literal("nil")
		}
	case *ast.Ident:
		if typeParameter(fn, t.Name) {
			return "", false
		}
		switch declared := p.declarations(f, t.Name); {
		case len(declared) == 0:
			switch t.Name {
			case "bool":
				return literal("false")
			case "string":
				return `""`, true
			case "error", "any":
				return literal("nil")
			case "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr", "byte", "rune", "float32", "float64", "complex64", "complex128":
				return "0", true
			}
		case len(declared) == 1 && declared[0] != nil && declared[0].TypeParams == nil && depth < 10:
			if _, ok := declared[0].Type.(*ast.StructType); ok && !parameter(fn, t.Name) {
				return t.Name + "{}", depth == 0
			}
			return p.zero(f, fn, declared[0].Type, depth+1)
		}
	}
	return "", false
}

// declarations returns the declarations of name at package level in the package
// of f: the type for a type, nil for anything else.
func (p *pkg) declarations(f *source.File, name string) []*ast.TypeSpec {
	var found []*ast.TypeSpec
	for _, other := range p.files {
		if other.IsTest() || other.AST.Name.Name != f.AST.Name.Name {
			continue
		}
		for _, d := range other.AST.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == name {
					found = append(found, nil)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						if s.Name.Name == name {
							found = append(found, s)
						}
					case *ast.ValueSpec:
						if slices.ContainsFunc(s.Names, func(id *ast.Ident) bool { return id.Name == name }) {
							found = append(found, nil)
						}
					}
				}
			}
		}
	}
	return found
}

// parameter reports whether name is the receiver or a parameter of fn, and so
// hides what the package declares under it.
func parameter(fn *ast.FuncDecl, name string) bool {
	for _, list := range []*ast.FieldList{fn.Recv, fn.Type.Params} {
		if list == nil {
			continue
		}
		for _, field := range list.List {
			if slices.ContainsFunc(field.Names, func(id *ast.Ident) bool { return id.Name == name }) {
				return true
			}
		}
	}
	return false
}

// typeParameter reports whether name is a type parameter of fn or of its receiver.
func typeParameter(fn *ast.FuncDecl, name string) bool {
	if fn.Type.TypeParams != nil {
		for _, field := range fn.Type.TypeParams.List {
			if slices.ContainsFunc(field.Names, func(id *ast.Ident) bool { return id.Name == name }) {
				return true
			}
		}
	}
	if fn.Recv == nil {
		return false
	}
	found := false
	for _, field := range fn.Recv.List {
		base, _ := source.Receiver(fn)
		ast.Inspect(field.Type, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name == name && name != base {
				found = true
			}
			return !found
		})
	}
	return found
}

// signatureNames returns every identifier that the signature of fn contains.
func signatureNames(fn *ast.FuncDecl) []string {
	var names []string
	for _, n := range []ast.Node{fn.Recv, fn.Type} {
		if n == ast.Node((*ast.FieldList)(nil)) {
			continue
		}
		ast.Inspect(n, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				names = append(names, id.Name)
			}
			return true
		})
	}
	return names
}
