package grade

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/mutants"
	"github.com/labkv/labkv/lab/overlay"
	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"
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

// RunMutants runs each mutant against the graded tests of its own stage, until
// the first that does not pass. One test binary per package holds all of them.
//
// Without any mutant in force, all of those tests must pass: that is checked
// first, and its failure is an error.
func (r *Runner) RunMutants(ctx context.Context, c *course.Course, catalog []mutants.Mutant) (Kills, error) {
	files, err := mutants.Overlay(c.Root, catalog)
	if err != nil {
		return nil, err
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
	var selection course.Selection
	batches := map[string][]testBatch{}
	for _, m := range catalog {
		if batches[m.Stage] != nil {
			continue
		}
		stage, ok := c.Stage(m.Stage)
		if !ok {
			return nil, errors.Errorf("mutant %s: there is no stage %s", m.Name, m.Stage)
		}
		batches[m.Stage] = testBatches(stage)
		selection = append(selection, course.StageTests{Stage: stage, Tests: stage.Tests})
	}
	binaries, failures, err := r.buildAll(ctx, Tree{Course: c, Overlay: arg}, selection.Tests(), scratch)
	if err != nil {
		return nil, err
	}
	for dir, failure := range failures {
		return nil, errors.Errorf("package %s with its mutants does not build: %s", dir, strings.Join(failure.lines, "\n"))
	}

	// The control runs in batches, too: a test that depends on another one in its
	// process must not pass for a killer.
	kills := make(Kills, len(catalog))
	var control []*Kill
	for _, st := range selection {
		control = append(control, &Kill{Mutant: mutants.Mutant{Stage: st.Stage.Directive()}})
	}
	if err := r.killAll(ctx, control, batches, binaries, scratch); err != nil {
		return nil, err
	}
	for _, k := range control {
		if k.Killer != nil {
			return nil, errors.Errorf("%s fails without any mutant: %s", k.Killer.Test.Name, k.Killer.Found())
		}
	}
	for i, m := range catalog {
		kills[i] = &Kill{Mutant: m}
	}
	return kills, r.killAll(ctx, kills, batches, binaries, scratch)
}

// A testBatch is tests of a package that share a process, and run with the same
// seeds.
type testBatch struct {
	dir   string
	tests []*course.Test
	seeds []uint64
	// before is how many seeds of its tests earlier batches have run.
	before int
}

// firstSeeds is how many seeds of each test a mutant meets before it meets further
// seeds of any test. The first seeds of some test kill most mutants; later seeds of a
// test kill few that its first seeds did not.
const firstSeeds = 3

// testBatches returns all tests of s in the order in which a mutant meets them: first
// the tests without seeds, then the first seeds of the others, and then the others one
// by one with the rest of their seeds.
func testBatches(s *course.Stage) []testBatch {
	var none, first, rest []testBatch
	join := func(batches *[]testBatch, test *course.Test, seeds []uint64) {
		i := slices.IndexFunc(*batches, func(b testBatch) bool {
			return b.dir == test.Package && slices.Equal(b.seeds, seeds)
		})
		if i < 0 {
			*batches = append(*batches, testBatch{dir: test.Package, seeds: seeds})
			i = len(*batches) - 1
		}
		(*batches)[i].tests = append((*batches)[i].tests, test)
	}
	for _, test := range s.Tests {
		n := min(len(test.Seeds), firstSeeds)
		if n == 0 {
			join(&none, test, nil)
			continue
		}
		join(&first, test, test.Seeds[:n])
		if n < len(test.Seeds) {
			rest = append(rest, testBatch{dir: test.Package, tests: []*course.Test{test}, seeds: test.Seeds[n:], before: n})
		}
	}
	return slices.Concat(none, first, rest)
}

func (r *Runner) killAll(ctx context.Context, kills []*Kill, batches map[string][]testBatch, binaries map[string]string, scratch string) error {
	p := progress{report: r.Progress, total: len(kills)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.jobs())
	for _, k := range kills {
		group.Go(func() error {
			begin := time.Now()
			for _, batch := range batches[k.Mutant.Stage] {
				killer, err := r.killOne(ctx, k.Mutant.Name, batch, binaries[batch.dir], scratch)
				if err != nil {
					return err
				}
				if killer != nil {
					k.Killer = killer
					if killer.Seed != 0 {
						k.Seeds = batch.before + len(killer.Runs) + 1
					}
					break
				}
			}
			k.Elapsed = time.Since(begin)
			p.add(k.Mutant.Name)
			return nil
		})
	}
	return group.Wait()
}

// killOne runs a batch of tests in one process, which ends with the first that
// fails, and returns its verdict, nil if all passed.
func (r *Runner) killOne(ctx context.Context, mutant string, batch testBatch, binary, scratch string) (*Result, error) {
	names := make([]string, len(batch.tests))
	for i, test := range batch.tests {
		names[i] = test.Name
	}
	budget := r.budget(batch.tests[0].Stage)
	p := process{
		binary: binary,
		run:    "^(" + strings.Join(names, "|") + ")$",
		seeds:  batch.seeds,
		budget: budget,
		args:   []string{"-test.failfast"},
	}
	if mutant != "" {
		p.extra = []string{mutants.Variable + "=" + mutant, "LABKV_BRIEF=1"}
	}
	o, err := p.start(ctx, r.Sandbox, scratch)
	if err != nil {
		return nil, err
	}
	// The test that reported last is the one that failed. The others passed, as far
	// as they ran.
	last := -1
	if n := len(o.records); n > 0 {
		last = slices.Index(names, o.records[n-1].Test)
	}
	var killer *Result
	for i, test := range batch.tests {
		result := judge(test, batch.seeds, budget, o)
		if result.Status == Passed {
			continue
		}
		if i == last || killer == nil && o.exit == nil {
			killer = result
		}
	}
	if killer == nil && o.exit != nil {
		killer = judge(batch.tests[0], batch.seeds, budget, o)
	}
	return killer, nil
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
			by += fmt.Sprintf(", seed %d", k.Killer.Seed)
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
