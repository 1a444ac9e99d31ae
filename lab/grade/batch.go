package grade

import (
	"context"
	"crypto/sha256"
	stderrors "errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

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
	Name string // unique in its batch
	// File is what files about the submission are called, without an ending: unique in its
	// batch, even where case and accents do not count, and the same whenever submissions of
	// the same names are graded.
	File    string
	Place   int // in the batch, from 1
	Status  RowStatus
	MadeFor string   // the version of the course that it was made for; "" if it does not say
	Note    string   // one line: why it was rejected, what was ignored, what does not build
	Report  *Report  // nil if rejected
	Receipt *Receipt // nil if rejected
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
	// Shard is the part of the submissions that is graded.
	Shard Shard
	// Kept, if not nil, returns the row that an earlier run has kept in files of that name,
	// or nil. It is taken if its receipt is of the same submission and the same tests.
	Kept func(grades *Grades, file string) *Row
	// Progress, if not nil, is called before each submission.
	Progress func(index, total int, name string)
	// Done, if not nil, is called with each row as soon as it is there. Its error ends the
	// batch.
	Done func(grades *Grades, row *Row) error
}

// Shard is a part of a batch: of Of machines with the same submissions in the same order,
// what number Number grades. The zero Shard is all.
type Shard struct {
	Number, Of int // 1 ≤ Number ≤ Of
}

// has reports whether the shard has the submission, or whatever else is counted, at a place
// from 1.
func (s Shard) has(place int) bool { return s.Of == 0 || (place-1)%s.Of == s.Number-1 }

// Grades are the rows of a batch, in the order of the submissions.
type Grades struct {
	Course   *course.Course
	Stages   []course.StageTests
	Rows     []*Row
	Of       int    // submissions in the whole batch, of which Rows may be a part
	Enforced string // what the sandbox enforces
}

// giveUp is after how many tests of a package that time out its later ones are not run.
const giveUp = 3

// Run grades submissions one after the other, each with all processes. The error is
// about the harness, or ctx's; what is wrong with a submission is in its row. The grades
// beside an error have the rows that are done.
func (b *Batch) Run(ctx context.Context, submissions []string) (*Grades, error) {
	grades := &Grades{Course: b.Course, Stages: b.Selection, Of: len(submissions), Enforced: b.Runner.Sandbox.Enforced()}
	s, err := b.start(ctx)
	if err != nil {
		return grades, err
	}
	defer s.built.Close()
	names := rowNames(submissions)
	files := fileNames(names)
	for i, submission := range submissions {
		if !b.Shard.has(i + 1) {
			continue
		}
		if ctx.Err() != nil {
			return grades, ctx.Err()
		}
		if b.Progress != nil {
			b.Progress(i, len(submissions), names[i])
		}
		row, err := s.grade(ctx, grades, submission, files[i])
		if err != nil {
			return grades, fmt.Errorf("%s: %w", names[i], err)
		}
		row.Name, row.File, row.Place, row.Note = names[i], files[i], i+1, printable(row.Note)
		grades.Rows = append(grades.Rows, row)
		if b.Done != nil {
			if err := b.Done(grades, row); err != nil {
				return grades, err
			}
		}
	}
	return grades, nil
}

// A session is a batch that has begun.
type session struct {
	*Batch
	runner   *Runner
	pristine map[string][]byte // the tree without a submission, as Pristine has it
	tests    string            // the digest of the tests
	types    *typeChecker
	builder  *builder // of submissions; nil if they are not confined
	built    *Built   // the test programs of the pristine tree
}

// start prepares a batch. Hidden tests that the solution does not pass end it: they would
// take points from everybody.
func (b *Batch) start(ctx context.Context) (*session, error) {
	runner := *b.Runner
	runner.GiveUp = giveUp
	s := &session{Batch: b, runner: &runner}
	var err error
	if s.pristine, err = Pristine(b.Course); err != nil {
		return nil, err
	}
	if b.Hidden != "" {
		if err := b.checkHidden(ctx); err != nil {
			return nil, err
		}
		if err := addHidden(s.pristine, b.Hidden); err != nil {
			return nil, err
		}
	}
	if b.OnReference {
		maps.DeleteFunc(s.pristine, func(name string, _ []byte) bool { return !b.takes(name) && !strings.HasSuffix(name, "_test.go") })
	}
	tree, remove, err := b.tree(s.pristine)
	if err != nil {
		return nil, err
	}
	defer remove()
	if s.tests, err = b.digestTests(ctx, tree, s.pristine); err != nil {
		return nil, err
	}
	s.types = newTypeChecker(b.Course, s.pristine)
	if s.builder, s.built, err = b.buildPristine(ctx, s.pristine); err != nil {
		return nil, err
	}
	return s, nil
}

// checkHidden runs the hidden tests on the course's solution.
func (b *Batch) checkHidden(ctx context.Context) error {
	files := map[string][]byte{}
	if err := addHidden(files, b.Hidden); err != nil {
		return err
	}
	var hidden course.Selection
	for _, st := range b.Selection {
		of := course.StageTests{Stage: st.Stage}
		for _, test := range st.Tests {
			if test.Hidden {
				of.Tests = append(of.Tests, test)
			}
		}
		if len(of.Tests) > 0 {
			hidden = append(hidden, of)
		}
	}
	if len(hidden) == 0 {
		return nil
	}
	tree, remove, err := b.tree(files)
	if err != nil {
		return err
	}
	defer remove()
	runner := *b.Runner
	runner.Finished, runner.Progress = nil, nil // these verdicts are on no submission
	report, err := runner.Run(ctx, tree, hidden)
	if err != nil {
		return err
	}
	for _, result := range report.Results() {
		switch result.Status {
		case Passed:
		case NotBuilt:
			return errors.Errorf("hidden tests do not build with the solution of this tree: %s", result.Reason)
		default:
			return errors.Errorf("hidden test %s: %s with the solution of this tree: %s; it would take points from everybody", result.Test.Name, result.Status, result.Found())
		}
	}
	return nil
}

// buildPristine builds the tests on the tree without any submission. It returns what builds
// submissions, nil if they are not confined, and the test programs, which the caller closes.
// If the pristine tree can be built, what does not build is a submission's fault. What it
// leaves in the user's build cache, no submission compiles again.
func (b *Batch) buildPristine(ctx context.Context, pristine map[string][]byte) (*builder, *Built, error) {
	tree, remove, err := b.tree(pristine)
	if err != nil {
		return nil, nil, err
	}
	defer remove()
	confine := b.Runner.Sandbox.Confine && len(b.Runner.Sandbox.Self) > 0
	if confine {
		limits := defaultBuildLimits
		if b.Runner.builds != nil {
			limits = *b.Runner.builds
		}
		if tree.builder, err = newBuilder(ctx, b.Course, b.Runner.Sandbox.Self, limits); err != nil {
			return nil, nil, err
		}
	}
	built, err := b.Runner.Build(ctx, tree, b.Selection)
	if err != nil {
		return nil, nil, err
	}
	if dirs := slices.Sorted(maps.Keys(built.failures)); len(dirs) > 0 {
		err = errors.Errorf("the tests in %s do not build without any submission: %s", dirs[0], built.failures[dirs[0]].lines[0])
	} else if confine {
		if err = tree.builder.warm(ctx, b.Course); err == nil {
			err = tree.builder.check(ctx, b.Course)
		}
	}
	if err != nil {
		built.Close()
		return nil, nil, err
	}
	return tree.builder, built, nil
}

// tree returns the course's tree with files laid over it, and what removes them.
func (b *Batch) tree(files map[string][]byte) (tree Tree, remove func(), err error) {
	scratch, err := newScratch()
	if err != nil {
		return Tree{}, nil, err
	}
	arg, err := overlay.WriteOverlay(scratch.dir, b.Course.Root, files)
	if err != nil {
		scratch.remove()
		return Tree{}, nil, err
	}
	return Tree{Course: b.Course, Overlay: arg}, scratch.remove, nil
}

// grade grades one submission, whose row has no name yet.
func (s *session) grade(ctx context.Context, grades *Grades, name, file string) (*Row, error) {
	submission, err := ReadSubmission(s.Course, name)
	var rejection *Rejection
	if stderrors.As(err, &rejection) {
		return &Row{Status: Rejected, Note: rejection.Reason}, nil
	}
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(submission.Files, func(name string, _ []byte) bool { return !s.takes(name) })
	if len(submission.Files) == 0 {
		return &Row{Status: Rejected, Note: fmt.Sprintf("holds none of the files that are graded (Go files in %s)", strings.Join(s.edited(), ", "))}, nil
	}
	row := &Row{}
	if submission.Stated {
		row.MadeFor = submission.MadeFor.String()
	}
	digest := digestSubmission(submission.Files)
	refused, broken := checkSource(s.Course, submission.Files)
	if len(refused) == 0 {
		if refused, err = s.types.check(ctx, submission.Files); err != nil {
			return nil, err
		}
	}
	if len(refused) > 0 {
		row.Status, row.Note = Rejected, join(submission.versionNote(s.Course), firstOf(refused))
		return row, nil
	}
	row.Receipt = &Receipt{
		Schema: ReceiptSchema, Course: s.Course.Title, Version: s.Course.Version.String(),
		Tests: s.tests, Submission: digest, OnReference: s.OnReference,
	}
	if s.Kept != nil {
		if kept := s.Kept(grades, file); kept != nil && kept.Receipt != nil && kept.Receipt.ofSame(row.Receipt) {
			return kept, nil
		}
	}
	report, err := s.run(ctx, submission, broken)
	if err != nil {
		return nil, err
	}
	if len(broken) > 0 {
		report.explainBroken(broken)
	} else {
		report.explainVersion(submission.buildReason(s.Course))
	}
	row.Status, row.Report = Graded, report
	row.Receipt.fill(report)
	row.Note = join(submission.versionNote(s.Course), report.buildNote(), submission.Note())
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
func (s *session) run(ctx context.Context, submission *Submission, broken []string) (*Report, error) {
	files := maps.Clone(s.pristine)
	maps.Copy(files, submission.Files)
	for _, line := range broken {
		// What could not be checked is not given to the compiler either.
		file, _, _ := strings.Cut(line, ":")
		files[file] = []byte("this file does not parse\n")
	}
	tree, remove, err := s.tree(files)
	if err != nil {
		return nil, err
	}
	defer remove()
	if s.builder != nil {
		tree.builder, tree.cache = s.builder, filepath.Join(filepath.Dir(tree.Overlay), "cache")
		if err := os.Mkdir(tree.cache, 0o700); err != nil {
			return nil, errors.Trace(err)
		}
	}
	begin := time.Now()
	built, err := s.runner.Build(ctx, tree, s.Selection)
	if err != nil {
		return nil, err
	}
	defer built.Close()
	report, err := s.runner.RunBuilt(ctx, built, s.Selection)
	if err != nil {
		return nil, err
	}
	err = s.runner.recheck(ctx, built, s.built, report, submission.Files)
	report.Elapsed = time.Since(begin)
	return report, err
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
		short[i] = printable(name)
		uses[short[i]]++
	}
	seen := map[string]int{}
	for i := range short {
		if uses[short[i]] > 1 {
			short[i] = printable(filepath.ToSlash(submissions[i]))
		}
		if seen[short[i]]++; seen[short[i]] > 1 {
			short[i] = fmt.Sprintf("%s (%d)", short[i], seen[short[i]])
		}
	}
	return short
}

// fileNames returns what files about submissions with these names are called. Letters and
// digits stay; for everything else, and where names differ only in case or in how their
// letters are composed, a part of a digest tells them apart.
func fileNames(names []string) []string {
	files := make([]string, len(names))
	uses := map[string]int{}
	for i, name := range names {
		files[i] = strings.Map(func(r rune) rune {
			if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '.' || r == '_') {
				return r
			}
			return '_'
		}, name)
		uses[strings.ToLower(files[i])]++
	}
	for i, name := range names {
		const longest = 100
		if file := files[i]; file != name || uses[strings.ToLower(file)] > 1 || strings.HasPrefix(file, ".") || len(file) > longest {
			digest := sha256.Sum256([]byte(name))
			files[i] = fmt.Sprintf("%s-%x", strings.TrimLeft(file[:min(len(file), longest)], "."), digest[:4])
		}
	}
	return files
}

// Perfect reports whether every submission passed every test.
func (g *Grades) Perfect() bool {
	return !slices.ContainsFunc(g.Rows, func(row *Row) bool { return row.Report == nil || !row.Report.Passed() })
}
