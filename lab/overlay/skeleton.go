package overlay

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/overlay/source"
)

// Tree names the part of a source tree that directives apply to.
type Tree struct {
	// Root is the directory that all other paths are relative to.
	Root string
	// Dirs are the directories whose declarations carry directives, slash
	// separated and relative to Root. A directory does not stand for its
	// subdirectories.
	Dirs []string
	// Stages are the stages a directive may name, in upper case (1, 2AA, 2AB …).
	Stages []string
}

// Private says what becomes of declarations marked //lab:private.
type Private bool

const (
	KeepPrivate Private = false // they stay: a tree in which some stages are implemented
	DropPrivate Private = true  // they disappear: a handout
)

// Skeleton returns the files of the tree in which only the stages that keep
// accepts are implemented: by slash-separated path relative to Root, the files
// whose content differs from the tree's. A nil content means that the file
// disappears. The caller owns the result. Nothing is written.
//
// keep is called with stages as the directives spell them. If any file cannot
// be parsed or any directive is wrong, the error is a [source.ErrorList].
func (t *Tree) Skeleton(keep func(stage string) bool, private Private) (map[string][]byte, error) {
	changed := map[string][]byte{}
	var mistakes source.ErrorList
	for _, dir := range t.Dirs {
		p, err := load(os.DirFS(t.Root), dir, t.Stages)
		if err != nil {
			mistakes = append(mistakes, err...)
			continue
		}
		mistakes = append(mistakes, p.rewrite(keep, private, changed)...)
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return changed, nil
}

// pkg is one directory of a tree. Usually it holds one package, and its tests.
type pkg struct {
	dir   string
	files []*source.File
	marks map[*source.File]marks
}

// load reads one directory. It returns what it could read even if there are mistakes.
func load(fsys fs.FS, dir string, stages []string) (*pkg, source.ErrorList) {
	p := &pkg{dir: dir, marks: map[*source.File]marks{}}
	if !fs.ValidPath(dir) {
		return p, source.ErrorList{{File: dir, Msg: "is not a slash-separated path below the root"}}
	}
	files, err := source.ParseDir(fsys, dir)
	mistakes, _ := err.(source.ErrorList)
	p.files = files
	for _, f := range files {
		m, wrong := readMarks(f, stages)
		mistakes = append(mistakes, wrong...)
		p.marks[f] = m
	}
	return p, append(mistakes, p.hideMethods()...)
}

// hideMethods marks the methods of private types as private: they cannot
// outlive their type, so they need no directive of their own.
func (p *pkg) hideMethods() (mistakes source.ErrorList) {
	// A directory can hold two packages (one under a build constraint), hence both names.
	type typeName struct{ pkg, name string }
	hidden := map[typeName]bool{}
	for _, f := range p.files {
		m := p.marks[f]
		for _, d := range f.AST.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.TYPE {
				for _, spec := range d.Specs {
					if m.private[d] || m.private[spec] {
						hidden[typeName{f.AST.Name.Name, spec.(*ast.TypeSpec).Name.Name}] = true
					}
				}
			}
		}
	}
	for _, f := range p.files {
		m := p.marks[f]
		for _, fn := range f.Funcs() {
			base, _ := source.Receiver(fn)
			if f.IsTest() || !hidden[typeName{f.AST.Name.Name, base}] {
				continue
			}
			if _, ok := m.implement[fn]; ok {
				mistakes.Add(f.Path, f.Line(fn.Pos()), "%s is to be implemented, but its type %s is private; remove one of the directives", source.FuncName(fn), base)
			}
			m.private[fn] = true
		}
	}
	return mistakes
}

// rewrite puts the files of p that change into changed.
func (p *pkg) rewrite(keep func(string) bool, private Private, changed map[string][]byte) source.ErrorList {
	var mistakes source.ErrorList
	left, before := 0, 0
	for _, f := range p.files {
		if f.IsTest() {
			continue
		}
		before++
		edits := &source.Edits{}
		m := p.marks[f]
		gone := 0
		for _, d := range f.AST.Decls {
			if private == DropPrivate && dropDecl(edits, f, m, d) {
				gone++
				continue
			}
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if dir, ok := m.implement[fn]; ok && !keep(dir.stage) {
				body, err := p.placeholder(f, fn, dir)
				if err != "" {
					mistakes.Add(f.Path, f.Line(fn.Pos()), "%s", err)
					continue
				}
				edits.Replace(f.Offset(fn.Body.Lbrace)+1, f.Offset(fn.Body.Rbrace), body)
			}
		}
		if edits.Empty() {
			left++
			continue
		}
		imports, wrong := dropImports(edits, f)
		mistakes = append(mistakes, wrong...)
		if gone+imports == len(f.AST.Decls) && !speaks(f, edits) {
			changed[f.Path] = nil
			continue
		}
		left++
		out, err := format.Source(edits.Apply(f.Src))
		if err != nil {
			mistakes.Add(f.Path, 0, "does not parse after rewriting: %v", err)
			continue
		}
		if !bytes.Equal(out, f.Src) {
			changed[f.Path] = out
		}
	}
	if before > 0 && left == 0 {
		mistakes.Add(p.dir, 0, "nothing would be left of this package; keep a file with its package comment")
	}
	return mistakes
}

// dropDecl removes what is private of d, and reports whether that is all of it.
func dropDecl(edits *source.Edits, f *source.File, m marks, d ast.Decl) bool {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if m.private[d] {
			remove(edits, f, d.Doc, d)
			return true
		}
	case *ast.GenDecl:
		if m.private[d] || len(d.Specs) > 0 && !slices.ContainsFunc(d.Specs, func(s ast.Spec) bool { return !m.private[s] }) {
			remove(edits, f, d.Doc, d)
			return true
		}
		for _, spec := range d.Specs {
			if m.private[spec] {
				doc, _ := specComments(spec)
				remove(edits, f, doc, spec)
			} else {
				dropFields(edits, f, m, spec)
			}
		}
	}
	return false
}

func dropFields(edits *source.Edits, f *source.File, m marks, spec ast.Spec) {
	ast.Inspect(spec, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok || !m.private[field] {
			return true
		}
		remove(edits, f, field.Doc, field)
		return false
	})
}

// dropImports removes the imports that only removed code used, and returns how
// many declarations disappeared with them.
func dropImports(edits *source.Edits, f *source.File) (decls int, mistakes source.ErrorList) {
	uses := f.Qualifiers()
	stays := func(name string) bool {
		return slices.ContainsFunc(uses[name], func(pos token.Pos) bool { return !edits.Covers(f.Offset(pos)) })
	}
	unused := &source.Edits{}
	for _, d := range f.AST.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok || d.Tok != token.IMPORT {
			continue
		}
		var gone []ast.Spec
		for _, spec := range d.Specs {
			s := spec.(*ast.ImportSpec)
			names := source.ImportNames(s)
			if names[0] == "_" || names[0] == "C" {
				continue
			}
			if names[0] == "." {
				mistakes.Add(f.Path, f.Line(s.Pos()), "cannot tell whether the dot import of %s is still used once the file changes; import it under a name", s.Path.Value)
				continue
			}
			i := slices.IndexFunc(names, func(n string) bool { return len(uses[n]) > 0 })
			if i < 0 {
				mistakes.Add(f.Path, f.Line(s.Pos()), "cannot tell under which name the file uses %s; give the import a name", s.Path.Value)
				continue
			}
			if !stays(names[i]) {
				gone = append(gone, s)
			}
		}
		if len(gone) == len(d.Specs) && len(gone) > 0 {
			remove(unused, f, d.Doc, d)
			decls++
			continue
		}
		for _, spec := range gone {
			doc, _ := specComments(spec)
			remove(unused, f, doc, spec)
		}
	}
	edits.Add(unused)
	return decls, mistakes
}

// speaks reports whether a file without declarations still says something: to
// readers by its package comment, or to the go command.
func speaks(f *source.File, edits *source.Edits) bool {
	if f.AST.Doc != nil && strings.TrimSpace(f.AST.Doc.Text()) != "" {
		return true
	}
	for _, group := range f.AST.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:") && !strings.HasPrefix(c.Text, "//go:build") && !edits.Covers(f.Offset(c.Pos())) {
				return true
			}
		}
	}
	return false
}
