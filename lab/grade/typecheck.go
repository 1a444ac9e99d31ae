package grade

import (
	"bytes"
	"context"
	"encoding/json"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/overlay"
)

// A typeChecker refuses the submissions that reach, through the packages that they may
// import, what is of a package that they may not. An import list alone does not keep
// them from it: encoding/json returns an error with a field of type reflect.Value, log
// returns the process's standard error, and what they return needs no import.
//
// It allows rather than forbids. Each object that a submission uses, and each type that
// an expression of it has, belongs to the module, to a package of the course's import
// list, or to the few names in harmless. A value of another type may only be where its
// type cannot be seen: inside an interface, from which nothing gets it out, because
// a type assertion has to name what it asks for, or in an unexported field.
//
// The type checker is the compiler's own, and sees the files that the go command takes.
// What it did not see, or does not understand, never runs.
type typeChecker struct {
	course *course.Course
	// files are laid over the course's tree wherever a submission has nothing else.
	files map[string][]byte
	// builder, if not nil, confines what looks at a submission: a few lines of Go keep a
	// type checker busy for hours, or end its process for want of memory.
	builder *builder

	mu     sync.Mutex // over all below
	build  build.Context
	sizes  types.Sizes
	listed map[string]*listedPackage // by import path
	export types.Importer            // of packages that are the same whatever is submitted
}

// listedPackage is what go list says about a package.
type listedPackage struct {
	ImportPath string
	Export     string // file with what the compiler knows of it
	Standard   bool
	Deps       []string
	Module     *struct{ GoVersion string }
}

// newTypeChecker returns a checker of submissions that are graded with files laid over the
// course's tree.
func newTypeChecker(c *course.Course, files map[string][]byte) *typeChecker {
	return &typeChecker{course: c, files: files}
}

// check holds the files of a submission to what they may use. The result is in the order
// of files and lines. It hides, with a nil content, the files that no build takes on this
// system: what was not checked is not given to the compiler either.
//
// A package with errors is refused only if the compiler finds none: otherwise nothing of
// it runs, and what the compiler says when the tests are built is the better message.
func (k *typeChecker) check(ctx context.Context, submission map[string][]byte) (refused []string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.export == nil {
		if err := k.load(ctx); err != nil {
			return nil, err
		}
	}
	k.hide(submission)
	var found typeFindings
	if k.builder == nil {
		found, err = k.find(submission)
	} else {
		found, err = k.findInCell(ctx, submission)
	}
	if err != nil || len(found.Refused) > 0 {
		return found.Refused, err
	}
	return k.unchecked(ctx, submission, found.Wrong)
}

// typeFindings is what the type checker finds in a submission.
type typeFindings struct {
	Refused []string
	Wrong   map[string]string // by the directory of a package, its first error
}

// find checks the types of the packages of a submission, in this process.
func (k *typeChecker) find(submission map[string][]byte) (found typeFindings, err error) {
	r := &typeRun{checker: k, files: k.with(submission), fset: token.NewFileSet(), packages: map[string]*typedPackage{}}
	for name := range submission {
		r.dirs = append(r.dirs, path.Dir(name))
	}
	slices.Sort(r.dirs)
	r.dirs = slices.Compact(r.dirs)
	for _, dir := range r.dirs {
		p, err := r.check(dir)
		if err != nil {
			return found, err
		}
		if len(p.wrong) == 0 {
			found.Refused = append(found.Refused, r.refusals(p)...)
		}
	}
	found.Wrong = map[string]string{}
	for dir, p := range r.packages {
		if len(p.wrong) > 0 {
			found.Wrong[dir] = p.wrong[0]
		}
	}
	return found, nil
}

// with returns all that is laid over the tree to grade a submission.
func (k *typeChecker) with(submission map[string][]byte) map[string][]byte {
	files := map[string][]byte{}
	maps.Copy(files, k.files)
	maps.Copy(files, submission)
	return files
}

// load asks the go command what there is to import, and makes it compile what does not
// depend on a submission.
func (k *typeChecker) load(ctx context.Context) error {
	// The go command decides which files it takes, by the settings that it runs with.
	const settings = "{{context.GOOS}} {{context.GOARCH}} {{context.Compiler}} {{join context.BuildTags \",\"}};{{join context.ToolTags \",\"}};{{join context.ReleaseTags \",\"}}"
	out, err := k.goList(ctx, k.files, "-f", settings, "unsafe")
	if err != nil {
		return err
	}
	words := strings.SplitN(strings.TrimSpace(string(out)), " ", 4)
	tags := strings.Split(words[len(words)-1], ";")
	if len(words) != 4 || len(tags) != 3 {
		return errors.Errorf("go list: cannot make anything of %q", out)
	}
	split := func(list string) []string { return strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) }
	k.settle(buildSettings{
		GOOS: words[0], GOARCH: words[1], Compiler: words[2],
		BuildTags: split(tags[0]), ToolTags: split(tags[1]), ReleaseTags: split(tags[2]),
	})

	var patterns []string
	for _, dir := range k.course.EditDirs() {
		patterns = append(patterns, "./"+dir)
	}
	patterns = append(patterns, k.course.Imports...)
	for _, s := range k.course.Stages() {
		for _, pattern := range s.Imports {
			patterns = append(patterns, "./"+pattern)
		}
	}
	packages, err := k.list(ctx, k.files, append([]string{"-deps", "-export", "-json=ImportPath,Export,Standard,Deps,Module"}, patterns...))
	if err != nil {
		return err
	}
	k.listed = map[string]*listedPackage{}
	for _, p := range packages {
		if k.changes(p) {
			p.Export = "" // a submission may have another
		}
		k.listed[p.ImportPath] = p
	}
	k.provide()
	return nil
}

// buildSettings decide which files a build takes.
type buildSettings struct {
	GOOS, GOARCH, Compiler           string
	BuildTags, ToolTags, ReleaseTags []string
}

func (k *typeChecker) settle(b buildSettings) {
	k.build = build.Context{
		GOOS: b.GOOS, GOARCH: b.GOARCH, Compiler: b.Compiler,
		BuildTags: b.BuildTags, ToolTags: b.ToolTags, ReleaseTags: b.ReleaseTags,
	}
	k.sizes = types.SizesFor(b.Compiler, b.GOARCH)
}

// provide makes the listed packages available to the type checker.
func (k *typeChecker) provide() {
	k.export = importer.ForCompiler(token.NewFileSet(), "gc", func(name string) (io.ReadCloser, error) {
		if p := k.listed[name]; p != nil && p.Export != "" {
			return os.Open(p.Export)
		}
		return nil, errors.Errorf("package %s is not available", name)
	})
}

// changes reports whether a package may depend on what is in a submission.
func (k *typeChecker) changes(p *listedPackage) bool {
	return slices.ContainsFunc(k.course.EditDirs(), func(dir string) bool {
		edited := path.Join(k.course.Module, dir)
		return p.ImportPath == edited || slices.Contains(p.Deps, edited)
	})
}

// list returns what go list says about packages.
func (k *typeChecker) list(ctx context.Context, files map[string][]byte, args []string) ([]*listedPackage, error) {
	out, err := k.goList(ctx, files, args...)
	if err != nil {
		return nil, err
	}
	return listedIn(out)
}

// listedIn reads what go list writes in JSON.
func listedIn(out []byte) ([]*listedPackage, error) {
	var packages []*listedPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listedPackage
		if err := d.Decode(&p); err == io.EOF {
			return packages, nil
		} else if err != nil {
			return nil, errors.Annotate(err, "go list")
		}
		packages = append(packages, &p)
	}
}

// goList runs go list as Tree.build runs go test, so that what it says is true of what is
// built.
func (k *typeChecker) goList(ctx context.Context, files map[string][]byte, args ...string) ([]byte, error) {
	scratch, err := newScratch()
	if err != nil {
		return nil, err
	}
	defer scratch.remove()
	arg, err := overlay.WriteOverlay(scratch.dir, k.course.Root, files)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	tree := Tree{Course: k.course, builder: k.builder}
	cmd, err := tree.command(limited, scratch.dir, scratch.dir, append([]string{"list", "-e", "-overlay", arg}, args...))
	if err != nil {
		return nil, err
	}
	cmd.Dir = k.course.Root
	setProcessGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = time.Second
	var messages bytes.Buffer
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return out, errors.Annotatef(err, "go list: %s", lastLine(messages.String()))
}

// A typeRun is the check of one submission.
type typeRun struct {
	checker  *typeChecker
	files    map[string][]byte // all that is laid over the tree
	dirs     []string          // of the submission's files, sorted
	fset     *token.FileSet
	packages map[string]*typedPackage // by import path; nil while they are checked
}

// A typedPackage is a package of the module that depends on what is in a submission.
type typedPackage struct {
	dir   string
	types *types.Package
	files []*ast.File
	info  types.Info
	wrong []string // errors
}

// hide hides the files of a submission that the go command does not take.
func (k *typeChecker) hide(submission map[string][]byte) {
	for name, data := range submission {
		if data != nil && !k.takes(name, data) {
			submission[name] = nil
		}
	}
}

// takes reports whether the go command takes a file. Of what has build constraints that
// it cannot read, too, it has to say so.
func (k *typeChecker) takes(name string, data []byte) bool {
	match := k.build
	match.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	taken, err := match.MatchFile(path.Split(name))
	return taken || err != nil
}

// Import imports a package for the type checker.
func (r *typeRun) Import(name string) (*types.Package, error) {
	listed := r.checker.listed[name]
	if listed == nil || !r.checker.changes(listed) {
		return r.checker.export.Import(name)
	}
	dir, _ := strings.CutPrefix(name, r.checker.course.Module+"/")
	p, err := r.check(dir)
	if err != nil {
		return nil, err
	}
	return p.types, nil
}

// check type-checks the package in a directory of the course. The error is that it imports
// itself; others are in the result.
func (r *typeRun) check(dir string) (*typedPackage, error) {
	if p, begun := r.packages[dir]; begun {
		if p == nil {
			return nil, errors.Errorf("%s imports itself", dir)
		}
		return p, nil
	}
	r.packages[dir] = nil
	p := &typedPackage{dir: dir, info: types.Info{
		Types:      map[ast.Expr]types.TypeAndValue{},
		Instances:  map[*ast.Ident]types.Instance{},
		Defs:       map[*ast.Ident]types.Object{},
		Uses:       map[*ast.Ident]types.Object{},
		Implicits:  map[ast.Node]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	fail := func(err error) { p.wrong = append(p.wrong, printable(strings.Split(err.Error(), "\n")[0])) }
	names, err := r.goFiles(dir)
	if err != nil {
		fail(err)
	}
	for _, name := range names {
		file, err := parser.ParseFile(r.fset, name, r.files[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			fail(err)
		}
		if file != nil {
			p.files = append(p.files, file)
		}
	}
	importPath := path.Join(r.checker.course.Module, dir)
	config := types.Config{
		Importer: r, Error: fail, Sizes: r.checker.sizes,
		// What the bodies of other packages do is none of the submission's doing.
		IgnoreFuncBodies: !slices.Contains(r.dirs, dir),
	}
	if listed := r.checker.listed[importPath]; listed != nil && listed.Module != nil && listed.Module.GoVersion != "" {
		config.GoVersion = "go" + listed.Module.GoVersion
	}
	p.types, _ = config.Check(importPath, r.fset, p.files, &p.info)
	r.packages[dir] = p
	return p, nil
}

// goFiles returns the names of the Go files that make the package in a directory, sorted,
// and has their contents in r.files.
func (r *typeRun) goFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.checker.course.Root, filepath.FromSlash(dir)))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if _, laid := r.files[name]; laid || entry.IsDir() || path.Ext(name) != ".go" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(r.checker.course.Root, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		r.files[name] = data
	}
	var names []string
	for name, data := range r.files {
		if data != nil && path.Dir(name) == dir && path.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") && r.checker.takes(name, data) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// unchecked returns the packages that have errors, which wrong tells by their directories,
// and that the compiler takes all the same, with and without the tests that are in them.
func (k *typeChecker) unchecked(ctx context.Context, submission map[string][]byte, wrong map[string]string) (refused []string, err error) {
	if len(wrong) == 0 {
		return nil, nil
	}
	dirs := slices.Sorted(maps.Keys(wrong))
	args := []string{"-export", "-test", "-json=ImportPath,Export"}
	for _, dir := range dirs {
		args = append(args, "./"+dir)
	}
	var packages []*listedPackage
	if k.builder == nil {
		packages, err = k.list(ctx, k.with(submission), args)
	} else {
		packages, refused, err = k.listInCell(ctx, k.with(submission), args)
	}
	if err != nil || len(refused) > 0 {
		return refused, err
	}
	for _, dir := range dirs {
		importPath := path.Join(k.course.Module, dir)
		if slices.ContainsFunc(packages, func(p *listedPackage) bool {
			// With its tests a package is called "a/b [a/b.test]".
			name, _, _ := strings.Cut(p.ImportPath, " ")
			return name == importPath && p.Export != ""
		}) {
			refused = append(refused, dir+" cannot be checked: "+wrong[dir])
		}
	}
	return refused, nil
}
