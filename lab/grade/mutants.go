package grade

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/mutants"
	"github.com/labkv/labkv/lab/overlay"
)

// Kill is the verdict on a mutant.
type Kill struct {
	Mutant mutants.Mutant
	// Killer is the verdict that killed it, nil if it survived.
	Killer *Result
	// Seeds is how many seeds the killer ran, the deadly one included; 0 if it has
	// none.
	Seeds   int
	Elapsed time.Duration
}

// Kills are the verdicts on a catalog, in its order.
type Kills []*Kill

// A MutantReport is what became of a catalog.
type MutantReport struct {
	Kills Kills
	// tests are the verdicts on the tests of the catalog's stages without any
	// mutant, in the order of the course's file.
	tests []*Result
}

// BuildWith builds test binaries for [Runner.RunMutants] and [Runner.RunVariants]. Each has
// all mutants and variants of catalog in it, and a process runs one of them, or none. It is
// an error if one does not build.
func (r *Runner) BuildWith(ctx context.Context, c *course.Course, catalog []mutants.Mutant) (*Built, error) {
	var selection course.Selection
	for _, m := range catalog {
		if m.Stage == "" { // a variant
			tests, err := testsOf(c, m)
			if err != nil {
				return nil, err
			}
			selection = append(selection, tests...)
			continue
		}
		stage, ok := c.Stage(m.Stage)
		if !ok {
			return nil, errors.Errorf("mutant %s: there is no stage %s", m.Name, m.Stage)
		}
		selection = append(selection, course.StageTests{Stage: stage, Tests: stage.Tests})
	}
	files, err := mutants.Overlay(c.Root, catalog)
	if err != nil {
		return nil, err
	}
	scratch, err := newScratch()
	if err != nil {
		return nil, err
	}
	defer scratch.remove()
	arg, err := overlay.WriteOverlay(scratch.dir, c.Root, files)
	if err != nil {
		return nil, err
	}
	built, err := r.Build(ctx, Tree{Course: c, Overlay: arg}, selection)
	if err != nil {
		return nil, err
	}
	for dir, failure := range built.failures {
		built.Close()
		return nil, errors.Errorf("package %s with its mutants or variants does not build: %s", dir, strings.Join(failure.lines, "\n"))
	}
	return built, nil
}

// RunMutants runs each mutant against the graded tests of its own stage, until the first
// that does not pass. built must have all of catalog.
//
// Tests of which a mutant is known to die, as KnownKillers returns them, run before
// the others. That saves nearly all of the time, as long as it is still so; nil knows
// nothing.
//
// A test kills only if it passes without any mutant in force. That is checked
// when it kills for the first time, and its failure is an error.
func (r *Runner) RunMutants(ctx context.Context, built *Built, catalog []mutants.Mutant, known map[string][]*course.Test) (*MutantReport, error) {
	h := hunt{
		runner: r, built: built, batches: map[string][]*testBatch{},
		known: map[*course.Test][]*testBatch{}, killer: map[string]*course.Test{},
	}
	var tests []*course.Test
	for _, m := range catalog {
		if h.batches[m.Stage] != nil {
			continue
		}
		stage, _ := built.tree.Course.Stage(m.Stage)
		h.batches[m.Stage] = h.testBatches(ctx, stage.Tests)
		tests = append(tests, stage.Tests...)
	}
	for name, killers := range known {
		first := killers[0]
		if h.known[first] == nil {
			h.known[first] = h.testBatches(ctx, killers)
		}
		h.killer[name] = first
	}

	kills := make(Kills, len(catalog))
	p := progress{report: r.Progress, total: len(kills)}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(r.jobs())
	for i, m := range catalog {
		group.Go(func() error {
			var err error
			kills[i], err = h.kill(groupCtx, m)
			p.add(m.Name)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	results, err := h.controls(ctx, tests)
	return &MutantReport{Kills: kills, tests: results}, err
}

// A hunt is what it takes to kill the mutants of a catalog.
type hunt struct {
	runner  *Runner
	built   *Built
	batches map[string][]*testBatch // by stage's directive
	// killer is, by a mutant's name, the first of the tests that are known to kill it,
	// and known has the batches of those tests.
	killer map[string]*course.Test
	known  map[*course.Test][]*testBatch
}

// A testBatch is tests of a package that share a process, and run with the same
// seeds.
type testBatch struct {
	dir   string
	tests []*course.Test
	seeds []uint64
	// before is how many seeds of its tests earlier batches have run.
	before int
	// control is the verdicts on the tests without any mutant. They run in the
	// same batch: a test that depends on another one in its process must not
	// pass for a killer. It fails if a test does.
	control func() ([]*Result, error)
}

// firstSeeds is how many seeds of each test a mutant meets before it meets further
// seeds of any test. The first seeds of some test kill most mutants; later seeds of a
// test kill few that its first seeds did not.
const firstSeeds = 3

// testBatches returns tests of a stage in the order in which a mutant meets them: first
// the tests without seeds, then the first seeds of the others, and then the others one
// by one with the rest of their seeds.
func (h *hunt) testBatches(ctx context.Context, tests []*course.Test) []*testBatch {
	var none, first, rest []*testBatch
	join := func(batches *[]*testBatch, test *course.Test, seeds []uint64) {
		i := slices.IndexFunc(*batches, func(b *testBatch) bool {
			return b.dir == test.Package && slices.Equal(b.seeds, seeds)
		})
		if i < 0 {
			*batches = append(*batches, &testBatch{dir: test.Package, seeds: seeds})
			i = len(*batches) - 1
		}
		(*batches)[i].tests = append((*batches)[i].tests, test)
	}
	for _, test := range tests {
		seeds := h.runner.seedsOf(test)
		n := min(len(seeds), firstSeeds)
		if n == 0 {
			join(&none, test, nil)
			continue
		}
		join(&first, test, seeds[:n])
		if n < len(seeds) {
			rest = append(rest, &testBatch{dir: test.Package, tests: []*course.Test{test}, seeds: seeds[n:], before: n})
		}
	}
	all := slices.Concat(none, first, rest)
	for _, b := range all {
		b.control = sync.OnceValues(func() ([]*Result, error) {
			results, failed, err := h.run(ctx, "", b)
			if err == nil && failed != nil {
				err = failsWithoutMutant(failed)
			}
			return results, err
		})
	}
	return all
}

func failsWithoutMutant(r *Result) error {
	return errors.Errorf("%s fails without any mutant: %s", r.Test.Name, r.Found())
}

// kill runs the batches of m's stage until a test fails.
func (h *hunt) kill(ctx context.Context, m mutants.Mutant) (*Kill, error) {
	k := &Kill{Mutant: m}
	begin := time.Now()
	defer func() { k.Elapsed = time.Since(begin) }()
	for _, batches := range [][]*testBatch{h.known[h.killer[m.Name]], h.batches[m.Stage]} {
		if err := h.killWith(ctx, k, batches); err != nil {
			return nil, err
		}
		if k.Killer != nil {
			break
		}
	}
	return k, nil
}

// killWith runs batches until a test fails, and sets what kills the mutant of k. With
// all of its seeds run, a test also fails if it missed a goal.
func (h *hunt) killWith(ctx context.Context, k *Kill, batches []*testBatch) error {
	passed := map[*course.Test]*Result{}
	for _, b := range batches {
		results, killer, err := h.run(ctx, k.Mutant.Name, b)
		if err != nil {
			return err
		}
		if killer != nil {
			k.Killer = killer
			if killer.Seed != 0 {
				k.Seeds = b.before + len(killer.Runs) + 1
			}
			_, err := b.control()
			return err
		}
		for _, r := range results {
			if addRuns(passed, r); passed[r.Test].Status != Passed {
				k.Killer, k.Seeds = passed[r.Test], len(passed[r.Test].Runs)
				return controlGoals(batches, r.Test)
			}
		}
	}
	return nil
}

// addRuns adds the runs of r, which passed, to what earlier batches have run of its
// test, and judges the goals.
func addRuns(passed map[*course.Test]*Result, r *Result) {
	if all := passed[r.Test]; all != nil {
		all.Runs = append(all.Runs, r.Runs...)
	} else {
		passed[r.Test] = r
	}
	passed[r.Test].judgeGoals()
}

// controlGoals checks that test, which is in batches, reaches its goals without any mutant.
func controlGoals(batches []*testBatch, test *course.Test) error {
	passed := map[*course.Test]*Result{}
	for _, b := range batches {
		if !slices.Contains(b.tests, test) {
			continue
		}
		results, err := b.control()
		if err != nil {
			return err
		}
		r := *results[slices.Index(b.tests, test)]
		if addRuns(passed, &r); passed[test].Status != Passed {
			return failsWithoutMutant(passed[test])
		}
	}
	return nil
}

// controls returns the verdicts on tests without any mutant, after the first of their
// seeds. Tests that are known to kill have run already, unless they no longer do.
func (h *hunt) controls(ctx context.Context, tests []*course.Test) ([]*Result, error) {
	var batches []*testBatch
	done := map[*course.Test]bool{}
	add := func(more []*testBatch) {
		for _, b := range more {
			if b.before == 0 {
				batches = append(batches, b)
			}
			for _, t := range b.tests {
				done[t] = true
			}
		}
	}
	for _, t := range tests {
		add(h.known[t])
	}
	others := map[*course.Stage][]*course.Test{}
	for _, t := range tests {
		if !done[t] {
			others[t.Stage] = append(others[t.Stage], t)
		}
	}
	for _, t := range tests {
		add(h.testBatches(ctx, others[t.Stage]))
		delete(others, t.Stage)
	}

	var group errgroup.Group
	group.SetLimit(h.runner.jobs())
	for _, b := range batches {
		group.Go(func() error {
			_, _ = b.control() // it remembers
			return nil
		})
	}
	_ = group.Wait()
	byTest := map[*course.Test]*Result{}
	for _, b := range batches {
		results, err := b.control()
		if err != nil {
			return nil, err // the first in order, whichever came first
		}
		for _, r := range results {
			byTest[r.Test] = r
		}
	}
	all := make([]*Result, len(tests))
	for i, test := range tests {
		all[i] = byTest[test]
	}
	return all, nil
}

// run runs a batch of tests in one process, which ends with the first that fails. It
// returns the verdict of that one, or nil and the verdicts of all.
func (h *hunt) run(ctx context.Context, mutant string, batch *testBatch) (results []*Result, failed *Result, err error) {
	budget := h.runner.budget(batch.tests[0].Stage)
	p := process{
		tree:   h.built.tree,
		binary: h.built.binaries[batch.dir],
		run:    anyOf(batch.tests),
		seeds:  batch.seeds,
		budget: budget,
		args:   []string{"-test.failfast"},
	}
	if mutant != "" {
		p.extra = []string{mutants.Variable + "=" + mutant, "LABKV_BRIEF=1"}
	}
	o, err := p.start(ctx, h.runner.Sandbox, h.built.scratch.dir)
	if err != nil {
		return nil, nil, err
	}
	if o.exit != nil {
		// The test that reported last is the one that failed. The others passed, as
		// far as they ran.
		last := 0
		if n := len(o.records); n > 0 {
			last = max(0, slices.IndexFunc(batch.tests, func(t *course.Test) bool { return t.Name == o.records[n-1].Test }))
		}
		return nil, judge(batch.tests[last], batch.seeds, budget, o), nil
	}
	for _, test := range batch.tests {
		result := judge(test, batch.seeds, budget, o)
		results = append(results, result)
		if failed == nil && result.Status != Passed {
			failed = result
		}
	}
	return results, failed, nil
}

// Survivors returns the mutants that no test killed.
func (ks Kills) Survivors() Kills {
	return slices.DeleteFunc(slices.Clone(ks), func(k *Kill) bool { return k.Killer != nil })
}

// WriteTable writes each mutant with its killer, the survivors once more, and
// "killed N/N".
func (ks Kills) WriteTable(w io.Writer, o TableOptions) error {
	t := newTable()
	t.AppendHeader(table.Row{"mutant", "killed by", "seeds", "guarantee", "time"})
	var seeds []int
	for _, k := range ks {
		if k.Killer == nil {
			t.AppendRow(table.Row{k.Mutant.Name, o.paint(Failed, "SURVIVED"), "", "", seconds(k.Elapsed)})
			continue
		}
		by, n := k.Killer.Test.Name, ""
		if k.Seeds > 0 {
			if k.Killer.Seed > 0 {
				by += fmt.Sprintf(", seed %d", k.Killer.Seed)
			}
			n = strconv.Itoa(k.Seeds)
			seeds = append(seeds, k.Seeds)
		}
		if k.Killer.Status == TimedOut {
			by += " (timed out)"
		}
		t.AppendRow(table.Row{k.Mutant.Name, by, n, k.Killer.Claim.Text, seconds(k.Elapsed)})
	}
	out := &errWriter{w: w}
	out.print(o.fit(t, "guarantee", 60), "\n")
	survivors := ks.Survivors()
	for _, k := range survivors {
		out.print("\n", o.paint(Failed, "SURVIVED: "+k.Mutant.Name), "  ", filepath.ToSlash(k.Mutant.File), "\n    ",
			strings.ReplaceAll(k.Mutant.Doc, "\n", "\n    "), "\n")
	}
	if n := len(seeds); n > 0 {
		slices.Sort(seeds)
		out.print(fmt.Sprintf("%d died of a test with seeds; the median of them took %d, the last %d\n", n, seeds[(n-1)/2], seeds[n-1]))
	}
	out.print(fmt.Sprintf("killed %d/%d\n", len(ks)-len(survivors), len(ks)))
	return out.err
}
