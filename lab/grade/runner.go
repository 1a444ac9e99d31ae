package grade

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
)

// SeedsPerProcess is how many seeds of a test share a process. It is fixed,
// because a solution's package variables may carry over from seed to seed: what
// shares a process must not depend on the number of processors.
const SeedsPerProcess = 10

// QuickSeeds is how many seeds of a test a quick run takes.
const QuickSeeds = 3

// Runner runs tests. The zero value uses every processor and sets no limits but time.
type Runner struct {
	Jobs    int // processes at a time; 0: as many as there are processors
	Sandbox Sandbox
	// Timeout, if positive, replaces the time budget of the stages.
	Timeout time.Duration
	// Seeds, if not empty, replaces the seeds of the tests that have seeds.
	Seeds []uint64
	// Quick runs only the first QuickSeeds seeds of each test that has seeds. Its
	// reports say so: they are no grades.
	Quick bool
	// Share lets all tests of a stage and package that have the same few seeds, or none,
	// share a process. That is faster if they pass, and slower if they do not.
	Share bool
	// GiveUp, if positive, is after how many tests of a package that time out its later ones
	// are not run: they are timed out, too.
	GiveUp int
	// Keep, if not empty, is a directory in which test binaries stay that are built without
	// an overlay, so that they are built again only if their sources have changed.
	Keep string
	// Environ is added to what test processes have in their environment, each
	// as NAME=VALUE.
	Environ []string
	// Progress, if not nil, is called with the number of finished processes and
	// all there are, from several goroutines but never at the same time.
	Progress func(done, total int, test string)
	// Finished, if not nil, is called with the verdict on each test as soon as there is
	// one, from several goroutines.
	Finished func(*Result)

	// builds, if not nil, replaces the limits of submissions' builds.
	builds *buildLimits
}

func (r *Runner) finished(result *Result) *Result {
	if r.Finished != nil {
		r.Finished(result)
	}
	return result
}

func (r *Runner) jobs() int {
	if r.Jobs > 0 {
		return r.Jobs
	}
	return runtime.NumCPU()
}

func (r *Runner) budget(s *course.Stage) course.Budget {
	b := s.Budget
	if r.Timeout > 0 {
		b.Time = r.Timeout
	}
	return b
}

// unit is a part of a test that one process runs.
type unit struct {
	test  *course.Test
	seeds []uint64 // ascending; empty: all of the test
}

// seedsOf returns the seeds with which test runs; none if it has no seeds.
func (r *Runner) seedsOf(test *course.Test) []uint64 {
	seeds := test.Seeds
	if len(seeds) > 0 && len(r.Seeds) > 0 {
		seeds = r.Seeds
	}
	if r.Quick {
		seeds = seeds[:min(len(seeds), QuickSeeds)]
	}
	return seeds
}

func (r *Runner) units(test *course.Test) []unit {
	var units []unit
	for part := range slices.Chunk(r.seedsOf(test), SeedsPerProcess) {
		units = append(units, unit{test: test, seeds: part})
	}
	return units
}

// Built are test binaries, ready to run. Close removes them.
type Built struct {
	tree     Tree
	scratch  *scratch
	binaries map[string]string // by package
	failures map[string]*buildFailure
}

// Close removes everything that was built.
func (b *Built) Close() { b.scratch.remove() }

// Build builds the test binaries of the selected tests. It is not an error that some
// do not build: running their tests says so.
func (r *Runner) Build(ctx context.Context, tree Tree, selection course.Selection) (*Built, error) {
	scratch, err := newScratch()
	if err != nil {
		return nil, err
	}
	b := &Built{tree: tree, scratch: scratch}
	b.binaries, b.failures, err = r.buildAll(ctx, tree, selection.Tests(), scratch.dir)
	if err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Run builds and runs the selected tests. The error is about the harness, or
// ctx's.
func (r *Runner) Run(ctx context.Context, tree Tree, selection course.Selection) (*Report, error) {
	begin := time.Now()
	built, err := r.Build(ctx, tree, selection)
	if err != nil {
		return nil, err
	}
	defer built.Close()
	report, err := r.RunBuilt(ctx, built, selection)
	if err == nil {
		report.Elapsed = time.Since(begin)
	}
	return report, err
}

// RunBuilt runs the selected tests, whose packages must be among those built.
func (r *Runner) RunBuilt(ctx context.Context, built *Built, selection course.Selection) (*Report, error) {
	begin := time.Now()
	results, err := r.runAll(ctx, built, selection.Tests())
	if err != nil {
		return nil, err
	}
	report := &Report{Course: built.tree.Course, Quick: r.Quick}
	for _, st := range selection {
		s := &StageReport{Stage: st.Stage}
		for _, test := range st.Tests {
			s.Results = append(s.Results, results[test])
		}
		report.Stages = append(report.Stages, s)
	}
	report.Elapsed = time.Since(begin)
	return report, nil
}

// buildAll builds the test binaries of the tests' packages below scratch and returns, by
// package, their files and the reasons of those that do not build.
func (r *Runner) buildAll(ctx context.Context, tree Tree, tests []*course.Test, scratch string) (map[string]string, map[string]*buildFailure, error) {
	binaries, failures := map[string]string{}, map[string]*buildFailure{}
	for _, test := range tests {
		binaries[test.Package] = binaryOf(scratch, test.Package)
	}
	dirs := slices.Sorted(maps.Keys(binaries))
	into := scratch
	if r.Keep != "" && tree.Overlay == "" {
		into = r.Keep
		if err := os.MkdirAll(into, 0o700); err != nil {
			return nil, nil, errors.Trace(err)
		}
	}
	failure, err := tree.build(ctx, dirs, into)
	if err == nil && failure == nil {
		return binaries, nil, fetch(binaries, into, scratch)
	}
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if failure != nil && failure.limit {
		for _, dir := range dirs {
			failures[dir] = failure
		}
		return binaries, failures, nil
	}

	// Each on its own says which of them it is, and builds the others.
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.jobs())
	for _, dir := range dirs {
		into := filepath.Join(scratch, strings.ReplaceAll(dir, "/", "-"))
		binaries[dir] = binaryOf(into, dir)
		group.Go(func() error {
			if err := os.Mkdir(into, 0o700); err != nil {
				return errors.Trace(err)
			}
			failure, err := tree.build(ctx, []string{dir}, into)
			mu.Lock()
			defer mu.Unlock()
			if failure != nil {
				failures[dir] = failure
			}
			return err
		})
	}
	return binaries, failures, group.Wait()
}

// fetch brings binaries from the directory in which they are kept: another run may
// replace them there.
func fetch(binaries map[string]string, kept, scratch string) error {
	if kept == scratch {
		return nil
	}
	for dir, binary := range binaries {
		if os.Link(binaryOf(kept, dir), binary) == nil {
			continue
		}
		// The two are in different file systems.
		data, err := os.ReadFile(binaryOf(kept, dir))
		if err != nil {
			return errors.Trace(err)
		}
		if err := os.WriteFile(binary, data, 0o700); err != nil {
			return errors.Trace(err)
		}
	}
	return nil
}

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// runAll runs all units of all tests.
func (r *Runner) runAll(ctx context.Context, built *Built, tests []*course.Test) (map[*course.Test]*Result, error) {
	results := map[*course.Test]*Result{}
	var trials []*trial
	p := progress{report: r.Progress}
	var runnable []*course.Test
	for _, test := range tests {
		if failure, ok := built.failures[test.Package]; ok {
			results[test] = r.finished(failure.result(test))
			continue
		}
		runnable = append(runnable, test)
		if !r.canShare(test) {
			t := newTrial(test, r.units(test))
			trials = append(trials, t)
			p.total += len(t.units)
		} else {
			p.total++
		}
	}

	patience := newPatience(runnable, r.GiveUp)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.jobs())
	var mu sync.Mutex
	for _, s := range r.shares(runnable) {
		group.Go(func() error {
			return r.runTogether(ctx, s, built, patience, func(result *Result) {
				patience.note(result)
				mu.Lock()
				results[result.Test] = r.finished(result)
				mu.Unlock()
				p.add(result.Test.Name)
			})
		})
	}
	for _, t := range trials {
		for i, u := range t.units {
			group.Go(func() error {
				defer p.add(t.test.Name)
				var err error
				if !patience.isOver(t.test) {
					err = t.run(ctx, i, func(ctx context.Context) (*Result, error) {
						return r.runUnit(ctx, u, built)
					})
					patience.note(t.decided())
				}
				if t.left.Add(-1) == 0 && err == nil {
					result := combine(t.test, t.results)
					if patience.isOver(t.test) {
						result = patience.result(t.test)
					}
					r.finished(result)
					mu.Lock()
					results[t.test] = result
					mu.Unlock()
				}
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, test := range runnable {
		if patience.isOver(test) {
			results[test] = patience.result(test)
		}
	}
	return results, nil
}

// progress counts what is done. report may be nil.
type progress struct {
	report func(done, total int, what string)
	total  int

	mu   sync.Mutex
	done int
}

func (p *progress) add(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.report != nil {
		p.report(p.done, p.total, what)
	}
}

// A trial is one test with all its units, in ascending order of seeds. As soon as a
// unit does not pass, the later ones are pointless and end; the earlier ones go on, so
// that the seed that is reported is always the lowest.
type trial struct {
	test  *course.Test
	units []unit
	left  atomic.Int64 // units that have neither run nor turned out to be pointless

	mu      sync.Mutex
	results []*Result            // by unit; nil if it did not run to its end
	cancels []context.CancelFunc // by unit; nil if it has not begun
	// failed is the first unit that is known not to pass; len(units) if none is.
	failed int
}

func newTrial(test *course.Test, units []unit) *trial {
	n := len(units)
	t := &trial{test: test, units: units, results: make([]*Result, n), cancels: make([]context.CancelFunc, n), failed: n}
	t.left.Store(int64(n))
	return t
}

// run calls f for unit i, unless an earlier unit has failed.
func (t *trial) run(ctx context.Context, i int, f func(context.Context) (*Result, error)) error {
	unitCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !t.begin(i, cancel) {
		return nil
	}
	result, err := f(unitCtx)
	switch {
	case err == nil:
		t.end(i, result)
		return nil
	case unitCtx.Err() != nil && ctx.Err() == nil:
		return nil // an earlier unit has failed
	}
	return err
}

// begin reports whether there is a point in running unit i.
func (t *trial) begin(i int, cancel context.CancelFunc) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cancels[i] = cancel
	return i < t.failed
}

func (t *trial) end(i int, result *Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.results[i] = result
	if result.Status == Passed || i > t.failed {
		return
	}
	t.failed = i
	for _, cancel := range t.cancels[i+1:] {
		if cancel != nil {
			cancel()
		}
	}
}

// decided returns the result of the first unit that does not pass, once it is known which
// one that is, or nil.
func (t *trial) decided() *Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == len(t.units) || slices.Contains(t.results[:t.failed], nil) {
		return nil
	}
	return t.results[t.failed]
}

func (r *Runner) runUnit(ctx context.Context, u unit, built *Built) (*Result, error) {
	budget := r.budget(u.test.Stage)
	o, err := r.processOf([]*course.Test{u.test}, u.seeds, budget, built).start(ctx, r.Sandbox, built.scratch.dir)
	if err != nil {
		return nil, err
	}
	return judge(u.test, u.seeds, budget, o), nil
}

// processOf returns the process that runs tests of one package with seeds, which are none
// if the course has no seeds for them.
func (r *Runner) processOf(tests []*course.Test, seeds []uint64, budget course.Budget, built *Built) process {
	if len(seeds) == 0 {
		seeds = r.Seeds // a test without seeds in the course's file may still have some
	}
	return process{
		tree:   built.tree,
		binary: built.binaries[tests[0].Package],
		run:    anyOf(tests),
		seeds:  seeds,
		budget: budget,
		extra:  r.Environ,
	}
}

// combine makes one verdict of the verdicts on a test's units, which are in ascending
// order of seeds. A unit without a verdict did not run, because a lower one did not
// pass. All units together must reach the test's goals.
func combine(test *course.Test, units []*Result) *Result {
	all := &Result{Test: test, Status: Passed}
	for _, u := range units {
		if u == nil {
			break
		}
		elapsed, runs := all.Elapsed+u.Elapsed, append(all.Runs, u.Runs...)
		*all = *u
		all.Elapsed, all.Runs = elapsed, runs
		if u.Status != Passed {
			break
		}
	}
	all.judgeGoals()
	return all
}

// result is the verdict on a test whose package does not build.
func (f *buildFailure) result(test *course.Test) *Result {
	return &Result{Test: test, Status: NotBuilt, Reason: f.lines[0], Sections: f.sections()}
}

func (f *buildFailure) sections() []graded.Section {
	return []graded.Section{{Name: "compiler", Text: strings.Join(f.lines, "\n")}}
}
