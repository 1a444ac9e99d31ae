package grade

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/mutants"
	"github.com/labkv/labkv/lab/overlay"
	"github.com/pingcap/errors"
)

// variantSeeds are the seeds of each test that a variant meets, unless the runner has
// its own. A test that asks for too much does so at once; many seeds are for
// mistakes that need luck.
var variantSeeds = []uint64{1, 2, 3}

// A VariantTrial is a variant with what its graded tests said.
type VariantTrial struct {
	Variant mutants.Mutant
	Report  *Report
}

// VariantTrials are those of a catalog, in its order.
type VariantTrials []VariantTrial

// RunVariants runs the graded tests that each variant must pass: those of its
// stages that are in its package. One test binary per package holds all of them.
func (r *Runner) RunVariants(ctx context.Context, c *course.Course, variants []mutants.Mutant) (VariantTrials, error) {
	files, err := mutants.Overlay(c.Root, variants)
	if err != nil {
		return nil, err
	}
	var all course.Selection
	selections := make([]course.Selection, len(variants))
	for i, v := range variants {
		if selections[i], err = testsOf(c, v); err != nil {
			return nil, err
		}
		all = append(all, selections[i]...)
	}
	scratch, err := os.MkdirTemp("", "labkv-")
	if err != nil {
		return nil, errors.Trace(err)
	}
	defer removeScratch(scratch)
	arg, err := overlay.WriteOverlay(scratch, c.Root, files)
	if err != nil {
		return nil, err
	}
	built, err := r.Build(ctx, Tree{Course: c, Overlay: arg}, all)
	if err != nil {
		return nil, err
	}
	defer built.Close()
	for dir, failure := range built.failures {
		return nil, errors.Errorf("package %s with its variants does not build: %s", dir, strings.Join(failure.lines, "\n"))
	}
	var trials VariantTrials
	for i, v := range variants {
		own := *r
		if len(own.Seeds) == 0 {
			own.Seeds = variantSeeds
		}
		own.Environ = append(slices.Clone(r.Environ), mutants.Variable+"="+v.Name)
		report, err := own.RunBuilt(ctx, built, selections[i])
		if err != nil {
			return nil, err
		}
		trials = append(trials, VariantTrial{v, report})
	}
	return trials, nil
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

// testsOf returns the tests of the variant's stages that are in its package.
func testsOf(c *course.Course, variant mutants.Mutant) (course.Selection, error) {
	var selection course.Selection
	for _, id := range variant.Stages {
		stage, ok := c.Stage(id)
		if !ok {
			return nil, errors.Errorf("variant %s: there is no stage %s", variant.Name, id)
		}
		tests := slices.DeleteFunc(slices.Clone(stage.Tests), func(t *course.Test) bool { return t.Package != variant.Dir })
		if len(tests) == 0 {
			return nil, errors.Errorf("variant %s: stage %s has no test in %s", variant.Name, id, variant.Dir)
		}
		selection = append(selection, course.StageTests{Stage: stage, Tests: tests})
	}
	return selection, nil
}
