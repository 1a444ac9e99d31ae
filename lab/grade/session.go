package grade

import (
	"context"
	stderrors "errors"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/overlay"
)

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
	if s.builder, err = b.newBuilder(ctx); err != nil {
		return nil, err
	}
	tree, remove, err := b.tree(s.pristine)
	if err != nil {
		return nil, err
	}
	defer remove()
	tree.builder = s.builder
	if s.tests, err = b.digestTests(ctx, tree, s.pristine); err != nil {
		return nil, err
	}
	s.types = newTypeChecker(b.Course, s.pristine)
	s.types.builder = s.builder
	if s.built, err = s.buildPristine(ctx, tree); err != nil {
		return nil, err
	}
	return s, nil
}

// close removes what the session has built.
func (s *session) close() { s.built.Close() }

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

// newBuilder returns what builds submissions; nil if they are not confined.
func (b *Batch) newBuilder(ctx context.Context) (*builder, error) {
	if !b.Runner.Sandbox.Confine || len(b.Runner.Sandbox.Self) == 0 {
		return nil, nil
	}
	limits := defaultBuildLimits
	if b.Runner.builds != nil {
		limits = *b.Runner.builds
	}
	return newBuilder(ctx, b.Course, b.Runner.Sandbox.Self, limits)
}

// buildPristine builds the tests on the tree without any submission. The caller closes what
// was built. If that can be built, what does not build is a submission's fault. What it leaves
// in the user's build cache, no submission compiles again.
func (s *session) buildPristine(ctx context.Context, tree Tree) (*Built, error) {
	built, err := s.Runner.Build(ctx, tree, s.Selection)
	if err != nil {
		return nil, err
	}
	if dirs := slices.Sorted(maps.Keys(built.failures)); len(dirs) > 0 {
		err = errors.Errorf("the tests in %s do not build without any submission: %s", dirs[0], built.failures[dirs[0]].lines[0])
	} else if s.builder != nil {
		if err = s.builder.warm(ctx, s.Course); err == nil {
			err = s.builder.check(ctx, s.Course)
		}
	}
	if err != nil {
		built.Close()
		return nil, err
	}
	return built, nil
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
	return Tree{Course: b.Course, Overlay: arg, laid: files}, scratch.remove, nil
}

// grade grades one submission, whose row has no name yet.
func (s *session) grade(ctx context.Context, grades *Grades, name, file string) (*Row, error) {
	row := &Row{}
	submission, err := s.take(ctx, name)
	if submission != nil && submission.Stated {
		row.MadeFor = submission.MadeFor.String()
	}
	var rejection *Rejection
	if stderrors.As(err, &rejection) {
		row.Status, row.Note = Rejected, rejection.Reason
		return row, nil
	}
	if err != nil {
		return nil, err
	}
	row.Receipt = &Receipt{
		Schema: ReceiptSchema, Course: s.Course.Title, Version: s.Course.Version.String(),
		Tests: s.tests, Submission: submission.digest, OnReference: s.OnReference,
	}
	if s.Kept != nil {
		if kept := s.Kept(grades, file); kept != nil && kept.Receipt != nil && kept.Receipt.ofSame(row.Receipt) {
			return kept, nil
		}
	}
	report, err := s.run(ctx, submission)
	if err != nil {
		return nil, err
	}
	if len(submission.broken) > 0 {
		report.explainBroken(submission.broken)
	} else {
		report.explainVersion(submission.buildReason(s.Course))
	}
	row.Status, row.Report = Graded, report
	row.Receipt.fill(report)
	row.Note = join(submission.versionNote(s.Course), report.buildNote(), submission.Note())
	return row, nil
}

// take reads a submission and checks what of it is graded. The error is a *Rejection if it
// may not be compiled; then there may be a submission beside it, to see what it was made
// for.
func (s *session) take(ctx context.Context, name string) (*Submission, error) {
	submission, err := ReadSubmission(s.Course, name)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(submission.Files, func(name string, _ []byte) bool { return !s.takes(name) })
	if len(submission.Files) == 0 {
		return nil, rejectf("holds none of the files that are graded (Go files in %s)", strings.Join(s.edited(), ", "))
	}
	submission.digest = digestSubmission(submission.Files)
	refused, broken := checkSource(s.Course, submission.Files)
	if len(refused) == 0 {
		if refused, err = s.types.check(ctx, submission.Files); err != nil {
			return nil, err
		}
	}
	if len(refused) > 0 {
		return submission, &Rejection{join(submission.versionNote(s.Course), firstOf(refused))}
	}
	submission.broken = broken
	return submission, nil
}

// run runs the tests on a submission.
func (s *session) run(ctx context.Context, submission *Submission) (*Report, error) {
	begin := time.Now()
	built, err := s.build(ctx, submission)
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

// build builds the tests with the files of a submission, laid over the pristine tree. The
// caller closes what was built.
func (s *session) build(ctx context.Context, submission *Submission) (*Built, error) {
	files := maps.Clone(s.pristine)
	maps.Copy(files, submission.Files)
	for _, line := range submission.broken {
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
	return s.runner.Build(ctx, tree, s.Selection)
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
