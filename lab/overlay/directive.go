package overlay

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/overlay/source"
)

const (
	prefix        = "//lab:"
	wordImplement = "implement"
	wordPrivate   = "private"
	optionQuiet   = "quiet"
)

// implement is the directive of that name on a function.
type implement struct {
	stage string
	quiet bool
}

// marks are the directives of one file, by the declaration that carries them.
type marks struct {
	implement map[*ast.FuncDecl]implement
	// private holds the nodes that disappear: *ast.FuncDecl, *ast.GenDecl,
	// ast.Spec in a parenthesized declaration, and *ast.Field.
	private map[ast.Node]bool
}

// reader collects the directives of a file, and what is wrong with them.
type reader struct {
	file     *source.File
	stages   []string
	marks    marks
	claimed  map[*ast.CommentGroup]bool
	mistakes source.ErrorList
}

// readMarks returns the directives of f that are in order; the others are in the list.
func readMarks(f *source.File, stages []string) (marks, source.ErrorList) {
	r := &reader{
		file:   f,
		stages: stages,
		marks: marks{
			implement: map[*ast.FuncDecl]implement{},
			private:   map[ast.Node]bool{},
		},
		claimed: map[*ast.CommentGroup]bool{},
	}
	if f.IsTest() {
		for _, group := range f.AST.Comments {
			for _, c := range directives(group) {
				r.mistake(c, "directives do not work in test files, which are never rewritten; remove it")
			}
		}
		return r.marks, r.mistakes
	}
	for _, d := range f.AST.Decls {
		r.decl(d)
	}
	r.leftovers()
	return r.marks, r.mistakes
}

func (r *reader) mistake(n ast.Node, format string, args ...any) {
	r.mistakes.Add(r.file.Path, r.file.Line(n.Pos()), format, args...)
}

func directives(doc *ast.CommentGroup) []*ast.Comment {
	var found []*ast.Comment
	if doc != nil {
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, prefix) {
				found = append(found, c)
			}
		}
	}
	return found
}

// claim reads the directives of a comment that belongs to what. fn is the
// function it documents, or nil for other declarations.
func (r *reader) claim(doc *ast.CommentGroup, fn *ast.FuncDecl, what string) (private bool) {
	if doc == nil || r.claimed[doc] {
		return false
	}
	r.claimed[doc] = true
	implemented := false
	for _, c := range directives(doc) {
		words := strings.Fields(strings.TrimPrefix(c.Text, prefix))
		word := ""
		if len(words) > 0 {
			word = words[0]
		}
		switch {
		case word == wordPrivate && len(words) > 1:
			r.mistake(c, "//lab:private takes no argument; remove %q", strings.Join(words[1:], " "))
		case word == wordPrivate && private, word == wordImplement && implemented:
			r.mistake(c, "//lab:%s stands here twice; remove one", word)
		case word == wordPrivate && implemented, word == wordImplement && private:
			r.mistake(c, "//lab:implement and //lab:private contradict each other; remove one")
		case word == wordPrivate && strings.HasPrefix(what, "an import"):
			r.mistake(c, "//lab:private is not for imports: they go when nothing uses them; remove it")
		case word == wordPrivate:
			private = true
		case word == wordImplement && fn == nil:
			r.mistake(c, "//lab:implement needs a function, and this is %s; move or remove it", what)
		case word == wordImplement:
			implemented = true
			r.implement(c, fn, words[1:])
		default:
			r.mistake(c, "unknown directive //lab:%s; there are //lab:implement and //lab:private", word)
		}
	}
	return private
}

func (r *reader) implement(c *ast.Comment, fn *ast.FuncDecl, args []string) {
	stages := strings.Join(r.stages, ", ")
	if len(args) == 0 {
		r.mistake(c, "//lab:implement names no stage; add one of %s", stages)
		return
	}
	d := implement{stage: args[0], quiet: len(args) > 1 && args[1] == optionQuiet}
	name := source.FuncName(fn)
	switch {
	case !slices.Contains(r.stages, d.stage):
		r.mistake(c, "unknown stage %q; there are %s", d.stage, stages)
	case len(args) > 1 && !d.quiet:
		r.mistake(c, "unknown option %q of //lab:implement; there is only %q", args[1], optionQuiet)
	case len(args) > 2:
		r.mistake(c, "//lab:implement has too many arguments; remove %q", strings.Join(args[2:], " "))
	case fn.Body == nil:
		r.mistake(c, "//lab:implement needs a function with a body, and %s has none", name)
	case fn.Recv == nil && fn.Name.Name == "init" && !d.quiet:
		r.mistake(c, "init cannot be left to implement: it would panic before any test starts; use quiet")
	default:
		r.marks.implement[fn] = d
	}
}

func (r *reader) decl(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if r.claim(d.Doc, d, "a function") {
			r.marks.private[d] = true
		}
	case *ast.GenDecl:
		if r.claim(d.Doc, nil, kind(d)) {
			r.marks.private[d] = true
		}
		for _, spec := range d.Specs {
			doc, comment := specComments(spec)
			// Both are read, whatever the first says, so that the second is no leftover.
			above, behind := r.claim(doc, nil, kind(d)), r.claim(comment, nil, kind(d))
			if above || behind {
				r.marks.private[spec] = true
			}
			if t, ok := spec.(*ast.TypeSpec); ok {
				r.fields(t.Type)
			}
		}
		if d.Tok == token.CONST && !r.marks.private[d] {
			r.constants(d)
		}
	}
}

// kind names what a declaration declares, with an article.
func kind(d *ast.GenDecl) string {
	switch d.Tok {
	case token.IMPORT:
		return "an import"
	case token.CONST:
		return "a constant"
	case token.VAR:
		return "a variable"
	default:
		return "a type"
	}
}

// specComments returns the comment above a spec and the one at the end of its line.
func specComments(spec ast.Spec) (doc, comment *ast.CommentGroup) {
	switch s := spec.(type) {
	case *ast.ImportSpec:
		return s.Doc, s.Comment
	case *ast.ValueSpec:
		return s.Doc, s.Comment
	case *ast.TypeSpec:
		return s.Doc, s.Comment
	}
	return nil, nil
}

// fields reads the directives on the fields and methods of a type, and of the
// types written out inside it.
func (r *reader) fields(t ast.Expr) {
	ast.Inspect(t, func(n ast.Node) bool {
		var list *ast.FieldList
		what := "a field"
		switch n := n.(type) {
		case *ast.StructType:
			list = n.Fields
		case *ast.InterfaceType:
			list, what = n.Methods, "a method of an interface"
		default:
			return true
		}
		for _, field := range list.List {
			above, behind := r.claim(field.Doc, nil, what), r.claim(field.Comment, nil, what)
			if above || behind {
				r.marks.private[field] = true
			}
		}
		return true
	})
}

// constants refuses to drop entries of a const group when that would change the
// value of an entry that stays.
func (r *reader) constants(d *ast.GenDecl) {
	var from *ast.ValueSpec    // the entry that one without expressions repeats
	var dropped *ast.ValueSpec // the first entry that goes
	for _, spec := range d.Specs {
		s := spec.(*ast.ValueSpec)
		if len(s.Values) > 0 {
			from = s
		}
		if r.marks.private[s] {
			if dropped == nil {
				dropped = s
			}
			continue
		}
		if dropped == nil || from == nil {
			continue
		}
		repeats := from != s && r.marks.private[from]
		if repeats || usesIota(from) {
			r.mistakes.Add(r.file.Path, r.file.Line(dropped.Pos()),
				"//lab:private here would change the value of %s (line %d), which counts on its place in the group; put private constants in a group of their own",
				s.Names[0].Name, r.file.Line(s.Pos()))
			return
		}
	}
}

func usesIota(s *ast.ValueSpec) bool {
	found := false
	for _, v := range s.Values {
		ast.Inspect(v, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name == "iota" {
				found = true
			}
			return !found
		})
	}
	return found
}

// leftovers reports what looks like a directive, but is none that a declaration carries.
func (r *reader) leftovers() {
	for _, group := range r.file.AST.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, prefix) {
				if !r.claimed[group] {
					r.mistake(c, "no declaration carries this directive; it belongs in the doc comment of a function, type, const, var, field or interface method at package level")
				}
				continue
			}
			for line := range strings.Lines(c.Text) {
				if words := strings.Fields(strings.Trim(line, "/* \t\r\n")); len(words) > 0 && strings.HasPrefix(words[0], "lab:") {
					r.mistake(c, "to Go this is an ordinary comment; write //%s, without a space, on a line of its own", words[0])
				}
			}
		}
	}
}
