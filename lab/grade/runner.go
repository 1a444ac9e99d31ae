package grade

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"
)

// SeedsPerProcess is how many seeds of a test share a process. It is fixed,
// because a solution's package variables may carry over from seed to seed: what
// shares a process must not depend on the number of processors.
const SeedsPerProcess = 8

// Runner runs tests. The zero value uses every processor and sets no limits but time.
type Runner struct {
	Jobs    int // processes at a time; 0: as many as there are processors
	Sandbox Sandbox
	// Timeout, if positive, replaces the time budget of the stages.
	Timeout time.Duration
	// Seeds, if not empty, replaces the seeds of the tests that have seeds.
	Seeds []uint64
	// Environ is added to what test processes have in their environment, each
	// as NAME=VALUE.
	Environ []string
	// Progress, if not nil, is called with the number of finished processes and
	// all there are, from several goroutines but never at the same time.
	Progress func(done, total int, test string)
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

func (u unit) first() uint64 {
	if len(u.seeds) == 0 {
		return 0
	}
	return u.seeds[0]
}

func (r *Runner) units(test *course.Test) []unit {
	seeds := test.Seeds
	if len(seeds) > 0 && len(r.Seeds) > 0 {
		seeds = r.Seeds
	}
	if len(seeds) == 0 {
		return []unit{{test: test}}
	}
	var units []unit
	for part := range slices.Chunk(seeds, SeedsPerProcess) {
		units = append(units, unit{test: test, seeds: part})
	}
	return units
}

// Built are test binaries, ready to run. Close removes them.
type Built struct {
	tree     Tree
	scratch  string
	binaries map[string]string // by package
	failures map[string]*buildFailure
}

// Close removes everything that was built.
func (b *Built) Close() { removeScratch(b.scratch) }

// Build builds the test binaries of the selected tests. That some do not build is
// no error: running their tests says so.
func (r *Runner) Build(ctx context.Context, tree Tree, selection course.Selection) (*Built, error) {
	scratch, err := os.MkdirTemp("", "labkv-")
	if err != nil {
		return nil, errors.Trace(err)
	}
	b := &Built{tree: tree, scratch: scratch}
	b.binaries, b.failures, err = r.buildAll(ctx, tree, selection.Tests(), scratch)
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
	results, err := r.runAll(ctx, selection.Tests(), built.binaries, built.failures, built.scratch)
	if err != nil {
		return nil, err
	}
	report := &Report{Course: built.tree.Course}
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

// removeScratch removes a directory that only this process uses. On some systems
// the binary of a process that was just killed stays busy for a moment.
func removeScratch(dir string) {
	for range 10 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// buildAll builds the test binaries of the tests' packages and returns, by
// package, their files and the reasons of those that do not build.
func (r *Runner) buildAll(ctx context.Context, tree Tree, tests []*course.Test, scratch string) (map[string]string, map[string]*buildFailure, error) {
	binaries, failures := map[string]string{}, map[string]*buildFailure{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.jobs())
	for _, test := range tests {
		dir := test.Package
		if _, ok := binaries[dir]; ok {
			continue
		}
		binary := filepath.Join(scratch, strings.ReplaceAll(dir, "/", "-")+".test"+exeSuffix())
		binaries[dir] = binary
		group.Go(func() error {
			failure, err := tree.build(ctx, dir, binary)
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

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// progress of one test, shared by its units.
type progress struct {
	results []*Result            // by unit
	lowest  uint64               // lowest first seed of a unit that did not pass
	failed  bool                 // lowest is set
	cancels []context.CancelFunc // by unit, of those that run
}

// runAll runs all units of all tests. As soon as a unit does not pass, the units
// with higher seeds are pointless and end; those with lower seeds go on, so that
// the seed that is reported is always the lowest.
func (r *Runner) runAll(ctx context.Context, tests []*course.Test, binaries map[string]string, failures map[string]*buildFailure, scratch string) (map[*course.Test]*Result, error) {
	results := map[*course.Test]*Result{}
	states := map[*course.Test]*progress{}
	type job struct {
		unit
		index int
	}
	var jobs []job
	for _, test := range tests {
		if failure, ok := failures[test.Package]; ok {
			results[test] = &Result{
				Test:     test,
				Status:   NotBuilt,
				Reason:   failure.lines[0],
				Sections: failure.sections(),
			}
			continue
		}
		units := r.units(test)
		states[test] = &progress{results: make([]*Result, len(units)), cancels: make([]context.CancelFunc, len(units))}
		for i, u := range units {
			jobs = append(jobs, job{u, i})
		}
	}

	var mu sync.Mutex
	done := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.jobs())
	for _, j := range jobs {
		group.Go(func() error {
			state := states[j.test]
			mu.Lock()
			if state.failed && j.first() > state.lowest {
				done++
				r.report(done, len(jobs), j.test.Name)
				mu.Unlock()
				return nil
			}
			unitCtx, cancel := context.WithCancel(ctx)
			defer cancel()
			state.cancels[j.index] = cancel
			mu.Unlock()

			result, err := r.runUnit(unitCtx, j.unit, binaries[j.test.Package], scratch)

			mu.Lock()
			defer mu.Unlock()
			done++
			r.report(done, len(jobs), j.test.Name)
			state.cancels[j.index] = nil
			if err != nil {
				if ctx.Err() == nil && unitCtx.Err() != nil {
					return nil // a lower seed has failed
				}
				return err
			}
			state.results[j.index] = result
			if result.Status != Passed && (!state.failed || j.first() < state.lowest) {
				state.failed, state.lowest = true, j.first()
				for _, stop := range state.cancels[j.index+1:] {
					if stop != nil {
						stop()
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for test, state := range states {
		results[test] = combine(test, state.results)
	}
	return results, nil
}

func (r *Runner) report(done, total int, test string) {
	if r.Progress != nil {
		r.Progress(done, total, test)
	}
}

func (r *Runner) runUnit(ctx context.Context, u unit, binary, scratch string) (*Result, error) {
	budget := r.budget(u.test.Stage)
	p := process{
		binary: binary,
		run:    "^" + u.test.Name + "$",
		seeds:  u.seeds,
		budget: budget,
		extra:  r.Environ,
	}
	if len(u.seeds) == 0 {
		p.seeds = r.Seeds // a test without seeds in the course's file may still have some
	}
	o, err := p.start(ctx, r.Sandbox, scratch)
	if err != nil {
		return nil, err
	}
	return judge(u.test, u.seeds, budget, o), nil
}

// combine makes one verdict of those on a test's units, which are in ascending
// order of seeds; a unit that did not run has none, and a lower one that did not
// pass.
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
	return all
}

func (f *buildFailure) sections() []graded.Section {
	return []graded.Section{{Name: "compiler", Text: strings.Join(f.lines, "\n")}}
}
