package grade

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/mutants"
)

// A VariantTrial is a variant with what its graded tests said.
type VariantTrial struct {
	Variant mutants.Mutant
	Report  *Report
}

// VariantTrials are those of a catalog, in its order.
type VariantTrials []VariantTrial

// RunVariants runs the graded tests that each variant must pass: tests of its stages that
// are in its package, or in one that it names besides. built must have all of variants.
//
// It is a quick run, with the first seeds of each test: a test that asks for too much does
// so at once; many seeds are for mistakes that need luck.
func (r *Runner) RunVariants(ctx context.Context, built *Built, variants []mutants.Mutant) (VariantTrials, error) {
	trials := make(VariantTrials, len(variants))
	p := progress{report: r.Progress, total: len(variants)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.jobs())
	for i, v := range variants {
		group.Go(func() error {
			defer p.add(v.Name)
			selection, err := testsOf(built.tree.Course, v)
			if err != nil {
				return err
			}
			own := *r
			own.Jobs, own.Progress, own.Quick, own.Share = 1, nil, true, true
			own.Environ = append(slices.Clone(r.Environ), mutants.Variable+"="+v.Name)
			report, err := own.RunBuilt(ctx, built, selection)
			trials[i] = VariantTrial{v, report}
			return err
		})
	}
	return trials, group.Wait()
}

// Passed reports whether every variant passed all its tests.
func (ts VariantTrials) Passed() bool {
	return !slices.ContainsFunc(ts, func(t VariantTrial) bool { return !t.Report.Passed() })
}

// WriteTable writes each variant with the number of its tests that passed, then the
// failures, and "passed N/N".
func (ts VariantTrials) WriteTable(w io.Writer, o TableOptions) error {
	t := newTable()
	t.AppendHeader(table.Row{"variant", "tests", "time"})
	passed := 0
	for _, trial := range ts {
		n, _, _ := trial.Report.Counts()
		status, all := Failed, len(trial.Report.Results())
		if n == all {
			status = Passed
			passed++
		}
		t.AppendRow(table.Row{trial.Variant.Name, o.paint(status, fmt.Sprintf("%d/%d passed", n, all)), seconds(trial.Report.Elapsed)})
	}
	out := &errWriter{w: w}
	out.print(t.Render(), "\n")
	for _, trial := range ts {
		if trial.Report.Passed() {
			continue
		}
		out.print("\n", o.paint(Failed, trial.Variant.Name), "  ", trial.Variant.File, "\n    ",
			strings.ReplaceAll(trial.Variant.Doc, "\n", "\n    "), "\n")
		trial.Report.writeDetails(out, o)
	}
	out.print(fmt.Sprintf("passed %d/%d\n", passed, len(ts)))
	return out.err
}

// meets reports whether a variant must pass the graded tests in a directory.
func meets(variant mutants.Mutant, dir string) bool {
	return dir == variant.Dir || slices.Contains(variant.Beside, dir)
}

// testsOf returns the tests of the variant's stages that are in its package, or in one
// that it names besides.
func testsOf(c *course.Course, variant mutants.Mutant) (course.Selection, error) {
	var selection course.Selection
	for _, id := range variant.Stages {
		stage, ok := c.Stage(id)
		if !ok {
			return nil, errors.Errorf("variant %s: there is no stage %s", variant.Name, id)
		}
		tests := slices.DeleteFunc(slices.Clone(stage.Tests), func(t *course.Test) bool { return !meets(variant, t.Package) })
		if len(tests) == 0 {
			return nil, errors.Errorf("variant %s: stage %s has no test in %s", variant.Name, id, variant.Dir)
		}
		selection = append(selection, course.StageTests{Stage: stage, Tests: tests})
	}
	for _, dir := range variant.Beside {
		if !slices.ContainsFunc(selection, func(st course.StageTests) bool {
			return slices.ContainsFunc(st.Tests, func(t *course.Test) bool { return t.Package == dir })
		}) {
			return nil, errors.Errorf("variant %s: none of its stages has a test in %s", variant.Name, dir)
		}
	}
	return selection, nil
}
