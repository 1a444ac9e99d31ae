// Package source reads Go files for rewriting: it parses them with everything
// that byte edits need (offsets, comments, names of imports), collects edits,
// and reports mistakes as file:line: message.
//
// Nothing here type-checks or looks outside the files it is given, so that it
// works on a tree that does not compile, and needs neither a build cache nor a
// network.
package source

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/scanner"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// File is a parsed Go file.
type File struct {
	Path string // slash separated, relative to the root of the tree
	Src  []byte // as read; must not be changed
	AST  *ast.File

	tok *token.File
}

// Parse parses src, which Path names in errors. A syntax error is an ErrorList
// of one entry: the first one, which is the one to mend first.
func Parse(path string, src []byte) (*File, error) {
	fset := token.NewFileSet()
	// The file name stays empty, so that all positions are positions in src,
	// whatever line directives say.
	f, err := parser.ParseFile(fset, "", src, parser.ParseComments)
	if err != nil {
		var list scanner.ErrorList
		if errors.As(err, &list) && len(list) > 0 {
			return nil, ErrorList{{File: path, Line: list[0].Pos.Line, Msg: list[0].Msg}}
		}
		return nil, ErrorList{{File: path, Msg: err.Error()}}
	}
	return &File{Path: path, Src: src, AST: f, tok: fset.File(f.FileStart)}, nil
}

// ParseDir parses the .go files of one directory of fsys, tests among them, in
// order of their names. Like the go command it skips names that begin with "_"
// or ".". Files that cannot be parsed are missing from the result and present
// in the error.
func ParseDir(fsys fs.FS, dir string) ([]*File, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, ErrorList{{File: dir, Msg: "cannot be read as a directory: " + reason(err)}}
	}
	var files []*File
	var mistakes ErrorList
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
			continue
		}
		p := path.Join(dir, name)
		src, err := fs.ReadFile(fsys, p)
		if err != nil {
			mistakes.Add(p, 0, "cannot be read: %s", reason(err))
			continue
		}
		f, err := Parse(p, src)
		if err != nil {
			mistakes = append(mistakes, err.(ErrorList)...)
			continue
		}
		files = append(files, f)
	}
	return files, mistakes.Err()
}

// reason strips the path from an error of fs, which the caller names itself.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// IsTest reports whether the go command treats the file as a test.
func (f *File) IsTest() bool { return strings.HasSuffix(f.Path, "_test.go") }

// Offset returns the place of pos in Src.
func (f *File) Offset(pos token.Pos) int { return f.tok.Offset(pos) }

// Line returns the line of pos, from 1, whatever //line directives say.
func (f *File) Line(pos token.Pos) int { return f.tok.PositionFor(pos, false).Line }

// Text returns the source of a node, comments in it included.
func (f *File) Text(n ast.Node) string {
	return string(f.Src[f.Offset(n.Pos()):f.Offset(n.End())])
}

// Funcs returns the functions and methods that f declares.
func (f *File) Funcs() []*ast.FuncDecl {
	var fns []*ast.FuncDecl
	for _, d := range f.AST.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			fns = append(fns, fn)
		}
	}
	return fns
}

// FuncName returns the name of a function as Go's tools print it, without the
// package and without type parameters: newLog, (*Raft).becomeLeader, State.String.
func FuncName(fn *ast.FuncDecl) string {
	base, pointer := Receiver(fn)
	switch {
	case base == "":
		return fn.Name.Name
	case pointer:
		return "(*" + base + ")." + fn.Name.Name
	default:
		return base + "." + fn.Name.Name
	}
}

// Receiver returns the name of the type that fn is a method of, and whether its
// receiver is a pointer. The name is empty if fn is not a method.
func Receiver(fn *ast.FuncDecl) (base string, pointer bool) {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return "", false
	}
	t := fn.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.ParenExpr:
			t = x.X
		case *ast.StarExpr:
			pointer, t = true, x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name, pointer
		default:
			return "_", pointer
		}
	}
}

// Statements returns the body of a function without its comments, formatted, so
// that two bodies compare equal exactly if they consist of the same tokens.
func Statements(body *ast.BlockStmt) string {
	var out bytes.Buffer
	// Positions of a file set of their own would keep the author's blank lines and line breaks.
	if err := printer.Fprint(&out, token.NewFileSet(), body); err != nil {
		return ""
	}
	return out.String()
}

// ImportsC reports whether f is a cgo file.
func (f *File) ImportsC() bool {
	return slices.ContainsFunc(f.AST.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"C"` })
}
