package grade

import (
	"context"
	stderrors "errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/overlay"
)

// RowStatus says what became of a submission.
type RowStatus string

const (
	Graded   RowStatus = "graded"
	Rejected RowStatus = "rejected" // nothing of it was run
)

// Row is what a batch says about one submission.
type Row struct {
	Name    string // unique in its batch
	Status  RowStatus
	MadeFor string  // the version of the course that it was made for; "" if it does not say
	Note    string  // one line: why it was rejected, what was ignored, what does not build
	Report  *Report // nil if rejected
}

// Batch grades submissions against one course.
type Batch struct {
	Course    *course.Course
	Selection course.Selection
	Runner    *Runner
	// Hidden, if not empty, is a directory with further test files, at the paths
	// that they have in the course.
	Hidden string
	// OnReference takes of a submission only the directories that the selected stages edit.
	// All else is the tree, with its solution: what is wrong in an earlier stage costs
	// nothing in a later one.
	OnReference bool
	// Progress, if not nil, is called before each submission.
	Progress func(index, total int, name string)
}

// Grades are the rows of a batch, in the order of the submissions.
type Grades struct {
	Course   *course.Course
	Stages   []course.StageTests
	Rows     []*Row
	Enforced string // what the sandbox enforces
}

// Run grades submissions one after the other, each with all processes. The error is
// about the harness, or ctx's; what is wrong with a submission is in its row.
func (b *Batch) Run(ctx context.Context, submissions []string) (*Grades, error) {
	pristine, err := Pristine(b.Course)
	if err == nil && b.Hidden != "" {
		err = addHidden(pristine, b.Hidden)
	}
	if err != nil {
		return nil, err
	}
	if b.OnReference {
		maps.DeleteFunc(pristine, func(name string, _ []byte) bool { return !b.takes(name) && !strings.HasSuffix(name, "_test.go") })
	}
	builds := sync.OnceValue(func() error { return b.buildPristine(ctx, pristine) })
	grades := &Grades{Course: b.Course, Stages: b.Selection, Enforced: b.Runner.Sandbox.Enforced()}
	names := rowNames(submissions)
	for i, submission := range submissions {
		if b.Progress != nil {
			b.Progress(i, len(submissions), names[i])
		}
		row, err := b.grade(ctx, pristine, builds, submission)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
		row.Name = names[i]
		grades.Rows = append(grades.Rows, row)
	}
	return grades, nil
}

// buildPristine builds the tests on the tree without any submission. If that can be done,
// what does not build is a submission's fault.
func (b *Batch) buildPristine(ctx context.Context, pristine map[string][]byte) error {
	tree, remove, err := b.tree(pristine)
	if err != nil {
		return err
	}
	defer remove()
	built, err := b.Runner.Build(ctx, tree, b.Selection)
	if err != nil {
		return err
	}
	defer built.Close()
	if dirs := slices.Sorted(maps.Keys(built.failures)); len(dirs) > 0 {
		return errors.Errorf("the tests in %s do not build without any submission: %s", dirs[0], built.failures[dirs[0]].lines[0])
	}
	return nil
}

// tree returns the course's tree with files laid over it, and what removes them.
func (b *Batch) tree(files map[string][]byte) (tree Tree, remove func(), err error) {
	scratch, err := os.MkdirTemp("", "labkv-")
	if err != nil {
		return Tree{}, nil, errors.Trace(err)
	}
	arg, err := overlay.WriteOverlay(scratch, b.Course.Root, files)
	if err != nil {
		removeScratch(scratch)
		return Tree{}, nil, err
	}
	return Tree{Course: b.Course, Overlay: arg}, func() { removeScratch(scratch) }, nil
}

// grade grades one submission, whose row has no name yet. builds returns why the tree does
// not build without a submission.
func (b *Batch) grade(ctx context.Context, pristine map[string][]byte, builds func() error, name string) (*Row, error) {
	submission, err := ReadSubmission(b.Course, name)
	var rejection *Rejection
	if stderrors.As(err, &rejection) {
		return &Row{Status: Rejected, Note: rejection.Reason}, nil
	}
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(submission.Files, func(name string, _ []byte) bool { return !b.takes(name) })
	if len(submission.Files) == 0 {
		return &Row{Status: Rejected, Note: fmt.Sprintf("holds none of the files that are graded (Go files in %s)", strings.Join(b.edited(), ", "))}, nil
	}
	row := &Row{}
	if submission.Stated {
		row.MadeFor = submission.MadeFor.String()
	}
	refused, broken := checkSource(b.Course, submission.Files)
	if len(refused) > 0 {
		row.Status, row.Note = Rejected, join(submission.versionNote(b.Course), firstOf(refused))
		return row, nil
	}
	report, err := b.run(ctx, pristine, submission, broken)
	if err != nil {
		return nil, err
	}
	if report.buildNote() != "" {
		if err := builds(); err != nil {
			return nil, err
		}
	}
	if len(broken) > 0 {
		report.explainBroken(broken)
	} else {
		report.explainVersion(submission.buildReason(b.Course))
	}
	row.Status, row.Report = Graded, report
	row.Note = join(submission.versionNote(b.Course), report.buildNote(), submission.Note())
	return row, nil
}

// takes reports whether a file of a submission is graded, if a student may edit it.
func (b *Batch) takes(name string) bool {
	return !b.OnReference || slices.Contains(b.edited(), path.Dir(name))
}

// edited returns the directories that the selected stages edit.
func (b *Batch) edited() []string {
	var dirs []string
	for _, s := range b.Selection {
		dirs = append(dirs, s.Stage.Edit...)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// run runs the tests on the files of a submission, of which some do not parse: each
// line of broken begins with the name of one.
func (b *Batch) run(ctx context.Context, pristine map[string][]byte, submission *Submission, broken []string) (*Report, error) {
	files := maps.Clone(pristine)
	maps.Copy(files, submission.Files)
	for _, line := range broken {
		// What could not be checked is not given to the compiler either.
		file, _, _ := strings.Cut(line, ":")
		files[file] = []byte("this file does not parse\n")
	}
	tree, remove, err := b.tree(files)
	if err != nil {
		return nil, err
	}
	defer remove()
	return b.Runner.Run(ctx, tree, b.Selection)
}

// join makes one line of the notes that are not empty.
func join(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(note string) bool { return note == "" }), "; ")
}

// firstOf is the first of several reasons, with the number of the others.
func firstOf(reasons []string) string {
	if more := len(reasons) - 1; more > 0 {
		return fmt.Sprintf("%s (and %d more)", reasons[0], more)
	}
	return reasons[0]
}

// explainBroken puts the messages about files that do not parse in the place of
// what the compiler said about their replacements.
func (r *Report) explainBroken(broken []string) {
	failure := &buildFailure{lines: broken}
	for _, result := range r.Results() {
		if result.Status == NotBuilt {
			result.Reason, result.Sections = broken[0], failure.sections()
		}
	}
}

// buildNote is the first reason why a package does not build, "" if all do.
func (r *Report) buildNote() string {
	for _, result := range r.Results() {
		if result.Status == NotBuilt {
			return "does not build: " + result.Reason
		}
	}
	return ""
}

// rowNames names submissions after their files, without the endings of
// archives, or by their whole paths where that would be ambiguous.
func rowNames(submissions []string) []string {
	short := make([]string, len(submissions))
	uses := map[string]int{}
	for i, submission := range submissions {
		absolute, err := filepath.Abs(submission)
		if err != nil {
			absolute = submission
		}
		name := filepath.Base(absolute)
		for _, ending := range []string{".zip", ".tar", ".tar.gz", ".tgz"} {
			if len(name) > len(ending) && strings.EqualFold(name[len(name)-len(ending):], ending) {
				name = name[:len(name)-len(ending)]
				break
			}
		}
		short[i] = name
		uses[name]++
	}
	seen := map[string]int{}
	for i := range short {
		if uses[short[i]] > 1 {
			short[i] = filepath.ToSlash(submissions[i])
		}
		if seen[short[i]]++; seen[short[i]] > 1 {
			short[i] = fmt.Sprintf("%s (%d)", short[i], seen[short[i]])
		}
	}
	return short
}

// Perfect reports whether every submission passed every test.
func (g *Grades) Perfect() bool {
	return !slices.ContainsFunc(g.Rows, func(row *Row) bool { return row.Report == nil || !row.Report.Passed() })
}
