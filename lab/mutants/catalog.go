package mutants

import (
	"go/ast"
	"go/build/constraint"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/overlay/source"
)

const (
	// Dir is where the catalog is, relative to the root of the tree.
	Dir = "lab/mutants"
	// Tag is the build constraint of a mutant's file, which nothing ever satisfies.
	Tag = "mutant"
	// Variable is the environment variable that chooses a mutant by its name
	// when a program built with [Overlay] starts.
	Variable = "LABKV_MUTANT"
)

// A catalog is a kind of files that replace functions of the solution.
type catalog struct {
	noun, dir, tag, directive string
	// takes names what follows the directive, as in an example of it.
	takes string
}

var wrong = catalog{noun: "mutant", dir: Dir, tag: Tag, directive: "//lab:mutant", takes: "a stage and a directory"}

// Mutant is one wrong solution.
type Mutant struct {
	// Name is unique: the stage in lower case and the name of the file, "2aa/vote-twice".
	Name string
	// Stage is the stage whose graded tests must notice the mistake, in upper case; empty
	// for a right variant.
	Stage string
	// Stages are the stages that its file names: Stage alone, or those whose graded
	// tests a right variant must pass.
	Stages []string
	// Beside are further directories, like Dir, whose graded tests of these stages a
	// right variant must pass.
	Beside []string
	// Dir is the directory of the mutated package, slash separated and relative to the root.
	Dir string
	// Doc describes the mistake, as its file does for students.
	Doc string
	// File is the mutant's own file, slash separated and relative to the root.
	File string
	// Funcs are the functions it replaces, as (*Raft).Step or newLog, in the order of File.
	Funcs []string

	file *source.File
}

// Load reads the mutants of the stages in want, or of all stages if there is
// none, ordered by stage and name. stages are all stages of the course, in
// order and in upper case; a stage without a directory has no mutants. root
// must hold the complete solution: every mutant is compared with what it replaces.
//
// The error is a [source.ErrorList] with every mistake found.
func Load(root string, stages []string, want ...string) ([]Mutant, error) {
	var mistakes source.ErrorList
	for _, stage := range want {
		if !slices.Contains(stages, stage) {
			mistakes.Add(Dir, 0, "unknown stage %q; there are %s", stage, strings.Join(stages, ", "))
		}
	}
	l := newLoader(root, wrong)
	entries, err := fs.ReadDir(l.fsys, Dir)
	if err != nil {
		mistakes.Add(Dir, 0, "the tree has no catalog of mutants that can be read")
		return nil, mistakes.Err()
	}
	// Every directory must be a stage, or its mutants would silently never run.
	for _, e := range entries {
		known := slices.ContainsFunc(stages, func(s string) bool { return strings.ToLower(s) == e.Name() })
		if e.IsDir() && !known && e.Name() != "testdata" {
			mistakes.Add(path.Join(Dir, e.Name()), 0, "is not named for a stage; there are %s", strings.ToLower(strings.Join(stages, ", ")))
		}
	}
	var mutants []Mutant
	for _, stage := range stages {
		if len(want) > 0 && !slices.Contains(want, stage) {
			continue
		}
		found, wrong := l.stage(stage)
		mutants = append(mutants, found...)
		mistakes = append(mistakes, wrong...)
	}
	if err := mistakes.Err(); err != nil {
		return nil, err
	}
	return mutants, nil
}

// loader reads mutants, and each package they replace functions of once.
type loader struct {
	catalog
	fsys     fs.FS
	packages map[string]*target
}

func newLoader(root string, c catalog) *loader {
	return &loader{catalog: c, fsys: os.DirFS(root), packages: map[string]*target{}}
}

var fileName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*\.go$`)

func (l *loader) stage(stage string) (mutants []Mutant, mistakes source.ErrorList) {
	return l.files(path.Join(l.dir, strings.ToLower(stage)), stage)
}

// files reads the mutants in dir.
func (l *loader) files(dir, stage string) (mutants []Mutant, mistakes source.ErrorList) {
	entries, err := fs.ReadDir(l.fsys, dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, source.ErrorList{{File: dir, Msg: "cannot be read: " + err.Error()}}
	}
	for _, e := range entries {
		file := path.Join(dir, e.Name())
		if e.Name() == "README.md" {
			continue
		}
		if !fileName.MatchString(e.Name()) {
			mistakes.Add(file, 0, "is not named like a %s; call it something like vote-twice.go", l.noun)
			continue
		}
		m, wrong := l.mutant(stage, file)
		mistakes = append(mistakes, wrong...)
		if len(wrong) > 0 {
			continue
		}
		if i := slices.IndexFunc(mutants, m.same); i >= 0 {
			mistakes.Add(file, 0, "has the same code as %s; remove one", mutants[i].File)
			continue
		}
		mutants = append(mutants, m)
	}
	return mutants, mistakes
}

// same reports whether two mutants have the same code.
func (m Mutant) same(other Mutant) bool {
	return m.Dir == other.Dir && slices.Equal(m.Funcs, other.Funcs) &&
		slices.EqualFunc(m.file.Funcs(), other.file.Funcs(), func(a, b *ast.FuncDecl) bool {
			return source.FuncName(a) == source.FuncName(b) && a.Body != nil && b.Body != nil &&
				source.Statements(a.Body) == source.Statements(b.Body)
		})
}

// mutant reads and checks one file of the catalog.
func (l *loader) mutant(stage, name string) (Mutant, source.ErrorList) {
	src, err := fs.ReadFile(l.fsys, name)
	if err != nil {
		return Mutant{}, source.ErrorList{{File: name, Msg: "cannot be read: " + err.Error()}}
	}
	f, err := source.Parse(name, src)
	if err != nil {
		return Mutant{}, err.(source.ErrorList)
	}
	m := Mutant{
		Name:  strings.TrimSuffix(strings.TrimPrefix(name, l.dir+"/"), ".go"),
		Stage: stage,
		File:  name,
		Doc:   strings.TrimSpace(f.AST.Doc.Text()),
		file:  f,
	}
	var mistakes source.ErrorList
	if _, tag := buildLine(f); tag != l.tag {
		mistakes.Add(name, 1, "the file must begin with //go:build %s, so that no build takes it for part of the solution", l.tag)
	}
	if m.Doc == "" {
		mistakes.Add(name, f.Line(f.AST.Package), "describe the %s in a comment above the package clause", l.noun)
	}
	if f.ImportsC() {
		mistakes.Add(name, 0, "a %s cannot import C", l.noun)
	}
	m.Dir, m.Stages, m.Beside = l.directiveOf(f, stage, &mistakes)
	if m.Dir == "" {
		return Mutant{}, mistakes
	}
	t, err := l.target(m.Dir)
	if err != nil {
		return Mutant{}, append(mistakes, err.(source.ErrorList)...)
	}
	if f.AST.Name.Name != t.name {
		mistakes.Add(name, f.Line(f.AST.Package), "the package in %s is %s, not %s", m.Dir, t.name, f.AST.Name.Name)
		return Mutant{}, mistakes
	}
	replaced, wrong := t.compare(f)
	mistakes = append(mistakes, wrong...)
	for _, fn := range replaced {
		m.Funcs = append(m.Funcs, source.FuncName(fn))
	}
	return m, mistakes
}

// directiveOf returns what the directive of f says: the directory, or "" if that
// line is missing or wrong, the stages, and the directories after them.
func (l *loader) directiveOf(f *source.File, stage string, mistakes *source.ErrorList) (dir string, stages, beside []string) {
	example := l.directive + " raft 2AA 2AB"
	if stage != "" {
		example = l.directive + " " + stage + " raft"
	}
	for _, group := range f.AST.Comments {
		for _, c := range group.List {
			words := strings.Fields(c.Text)
			if len(words) == 0 || !strings.HasPrefix(words[0], "//lab:") {
				continue
			}
			line := f.Line(c.Pos())
			switch {
			case words[0] != l.directive:
				mistakes.Add(f.Path, line, "unknown directive %s; a %s has one line like %s", words[0], l.noun, example)
			case group != f.AST.Doc:
				mistakes.Add(f.Path, line, "%s belongs in the comment directly above the package clause", l.directive)
			case dir != "":
				mistakes.Add(f.Path, line, "%s stands here twice; remove one", l.directive)
				return "", nil, nil
			case len(words) < 3, stage != "" && len(words) > 3:
				mistakes.Add(f.Path, line, "%s takes %s, like %s", l.directive, l.takes, example)
			case stage != "" && words[1] != stage:
				mistakes.Add(f.Path, line, "this is the directory of stage %s, and the mutant says %s; move the file or correct the line", stage, words[1])
			case stage != "":
				dir, stages = words[2], words[1:2]
			default:
				dir, stages = words[1], words[2:]
				if i := slices.IndexFunc(stages, isPath); i > 0 {
					stages, beside = stages[:i], stages[i:]
				}
			}
			if dir != "" && !fs.ValidPath(dir) {
				mistakes.Add(f.Path, line, "%s is not a slash-separated path below the root", dir)
				dir = ""
			}
			if dir == "" {
				return "", nil, nil
			}
		}
	}
	if dir == "" {
		mistakes.Add(f.Path, f.Line(f.AST.Package), "the comment above the package clause must end with a line like %s", example)
	}
	return dir, stages, beside
}

// isPath tells a directory from a stage, which is in upper case.
func isPath(word string) bool { return word != strings.ToUpper(word) }

// buildLine returns the build constraint of f and the tag that it demands, "" if
// it is not exactly one tag.
func buildLine(f *source.File) (*ast.Comment, string) {
	for _, group := range f.AST.Comments {
		if group.Pos() > f.AST.Package {
			break
		}
		for _, c := range group.List {
			if constraint.IsGoBuild(c.Text) {
				expr, err := constraint.Parse(c.Text)
				if tag, ok := expr.(*constraint.TagExpr); err == nil && ok {
					return c, tag.Tag
				}
				return c, ""
			}
		}
	}
	return nil, ""
}
