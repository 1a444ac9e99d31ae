// Package course reads course.yaml, the one description of what the course
// asks for: projects, their stages, the points and budgets of a stage, the
// graded tests that earn the points, and the directories that a student edits.
//
// # The file
//
//	title: LabKV
//	version: "1.0"                        # see Version
//	budget: {time: 60s, memory: 1GiB}     # of one test process; a stage may have its own
//	handout:
//	  files: handout                      # laid over the tree: handout/README.md is its README.md
//	  answers: [doc/answers.md]           # left out unless asked for
//	  exclude: [lab/mutants, "**/*_internal_test.go"]
//	imports: [bytes, fmt, encoding/..., github.com/pingcap/errors]
//	projects:
//	  - id: "2a"
//	    title: Raft
//	    guide: doc/project2-raft.md
//	    stages:
//	      - id: 2aa
//	        title: leader election
//	        points: 5
//	        packages: [raft]              # whose tests grade this stage
//	        edit: [raft]                  # whose non-test Go files a student writes
//	        needs: [1]                    # stages that come before
//	        guide: doc/project2-raft.md#elections
//	        budget: {time: 20s}
//	        imports: [proto/eraftpb]      # packages of the project that it may use
//	        hints:
//	          - "Step is where a term is compared, once for all messages."
//	        tests:
//	          - TestOneVotePerTerm2AA     # the same as {name: TestOneVotePerTerm2AA}
//	          - {name: TestSchedules2AA, package: raft, weight: 3, seeds: 1-20}
//
// A directory or pattern is slash separated and relative to the file.
//
// weight is the test's share of the stage's points (default 1). seeds, where
// given, are exactly the seeds that count, and are run in several processes. A
// test without seeds runs in one process, and whatever seeds it chooses itself
// count. A hidden test is one that handouts do not contain: where its function
// is missing, the test does not exist, and its weight with it.
//
// imports says what files of a submission may import. A pattern ending in
// "/..." stands for a package and all below it. The list of the file holds
// everywhere, a stage's own list in the directories that the stage edits;
// patterns of a stage that are directories of the project are relative to the
// module.
//
// taped names packages whose tests decide by what they are answered alone, and that can
// run again from a tape of the answers, without a solution: a submission's grade is checked
// that way.
//
// Reading is strict: an unknown field, a wrong type, a repeated or missing id,
// a directory that does not exist are errors, all reported at once, each with
// its line.
package course

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pingcap/errors"
)

// FileName is the name of the description, in the root of a course.
const FileName = "course.yaml"

// Course is a course as its file describes it. It does not change once read.
type Course struct {
	Root     string // absolute directory that holds the file
	Module   string // path of the Go module in Root
	Title    string
	Version  Version
	Handout  Handout
	Imports  []string // patterns of packages that submissions may import everywhere
	Taped    []string // directories whose tests can be run again from a tape, see package rafttest
	Projects []*Project
}

// Handout says what the repository that students start from has of the tree.
type Handout struct {
	Exclude []string // patterns of files that it does not contain
	Answers []string // the same, but a handout for self-study may contain them
	Files   string   // directory of files that take the places of the tree's; "" for none
}

// Project groups stages that share a guide.
type Project struct {
	ID     string
	Title  string
	Guide  string // file, without an anchor
	Stages []*Stage

	Course *Course
}

// Stage is a step of the course that earns points.
type Stage struct {
	ID       string // lower case, such as "2aa"
	Title    string
	Points   int64
	Packages []string // directories whose tests grade the stage
	Edit     []string // directories whose non-test Go files a student writes
	Needs    []string // ids of the stages that must be done before
	Guide    string   // file#anchor
	Budget   Budget
	Imports  []string // patterns of packages, below the module, that files in Edit may import
	Hints    []string
	Tests    []*Test

	Project *Project
}

// Budget bounds one test process.
type Budget struct {
	Time   time.Duration // processor time of a process; package grade bounds real time by a multiple
	Memory int64         // bytes
}

// Test is a graded test: a function named Test…<STAGE> in an external test
// package of Package.
type Test struct {
	Name    string
	Package string // directory
	Weight  int64
	Seeds   []uint64 // ascending; empty: the test chooses
	Hidden  bool

	Stage *Stage
	line  int
}

// Load reads the description in the directory root.
func Load(root string) (*Course, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, errors.Trace(err)
	}
	data, err := os.ReadFile(filepath.Join(root, FileName))
	if err != nil {
		return nil, errors.Annotate(err, "read course")
	}
	return Parse(root, data)
}

// Find returns the root of the course that dir is in: the nearest directory
// upwards that holds a course.yaml.
func Find(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", errors.Trace(err)
	}
	for at := start; ; {
		if info, err := os.Stat(filepath.Join(at, FileName)); err == nil && info.Mode().IsRegular() {
			return at, nil
		}
		up := filepath.Dir(at)
		if up == at {
			return "", errors.Errorf("no %s in %s or above it: go to the course's folder first", FileName, start)
		}
		at = up
	}
}

// Name is the title of the course with its version, as reports have it: "LabKV 1.0".
func (c *Course) Name() string { return c.Title + " " + c.Version.String() }

// Stages returns all stages in the order of the file.
func (c *Course) Stages() []*Stage {
	var all []*Stage
	for _, p := range c.Projects {
		all = append(all, p.Stages...)
	}
	return all
}

// Stage returns the stage with an id, in either case.
func (c *Course) Stage(id string) (*Stage, bool) {
	for _, s := range c.Stages() {
		if strings.EqualFold(s.ID, id) {
			return s, true
		}
	}
	return nil, false
}

// Test returns the test with a name, in either case.
func (c *Course) Test(name string) (*Test, bool) {
	for _, s := range c.Stages() {
		for _, t := range s.Tests {
			if strings.EqualFold(t.Name, name) {
				return t, true
			}
		}
	}
	return nil, false
}

// EditDirs returns every directory that some stage edits, each once, in the
// order of the file.
func (c *Course) EditDirs() []string {
	var dirs []string
	for _, s := range c.Stages() {
		for _, dir := range s.Edit {
			if !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// Directives returns the ids of the stages as directives in Go code spell them.
func (c *Course) Directives() []string {
	var ids []string
	for _, s := range c.Stages() {
		ids = append(ids, s.Directive())
	}
	return ids
}

// Directive is the stage's id as Go code spells it: upper case.
func (s *Stage) Directive() string { return strings.ToUpper(s.ID) }

// Weight is the sum of the weights of the stage's tests.
func (s *Stage) Weight() int64 {
	var sum int64
	for _, t := range s.Tests {
		sum += t.Weight
	}
	return sum
}

// Editable reports whether name, slash separated and relative to the root, is a
// file that a student may write: a Go file, no test, directly in a directory
// that some stage edits.
func (c *Course) Editable(name string) bool {
	dir, file := path.Split(name)
	return strings.HasSuffix(file, ".go") &&
		!strings.HasSuffix(file, "_test.go") &&
		!strings.HasPrefix(file, ".") && !strings.HasPrefix(file, "_") &&
		slices.Contains(c.EditDirs(), path.Clean(dir))
}

// MayImport reports whether a file in an edited directory may import the
// package with an import path.
func (c *Course) MayImport(dir, importPath string) bool {
	if matchAny(c.Imports, importPath) {
		return true
	}
	inModule, ok := strings.CutPrefix(importPath, c.Module+"/")
	if !ok {
		return false
	}
	for _, s := range c.Stages() {
		if slices.Contains(s.Edit, dir) && matchAny(s.Imports, inModule) {
			return true
		}
	}
	return false
}

func matchAny(patterns []string, importPath string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, tree := strings.CutSuffix(pattern, "/...")
		return importPath == prefix || tree && strings.HasPrefix(importPath, prefix+"/")
	})
}
