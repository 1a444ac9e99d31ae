package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// running are the flags of commands that run tests.
type running struct {
	seeds   seedList // numbers of seeds are allowed
	seed    seedList
	quick   bool
	jobs    int
	timeout time.Duration
	// unconfined runs the code of others even where it cannot be confined.
	unconfined bool
}

// A seedList is a flag that takes seeds, such as 17, 5-9 or 3,17.
type seedList struct {
	count bool // a single number N stands for the seeds 1 to N
	seeds []uint64
}

// String implements pflag.Value.
func (l *seedList) String() string { return course.FormatSeeds(l.seeds) }

// Set implements pflag.Value.
func (l *seedList) Set(text string) (err error) {
	if l.count && !strings.ContainsAny(text, "-,") {
		text = "1-" + text
	}
	l.seeds, err = course.ParseSeeds(text)
	return err
}

// Type implements pflag.Value.
func (l *seedList) Type() string { return "SEEDS" }

func (r *running) flags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&r.jobs, "jobs", 0, "processes at a time (default: one per processor)")
	cmd.Flags().DurationVar(&r.timeout, "timeout", 0, "processor time for each test process, such as 30s (default: the stage's); real time may be five times as much")
}

func (r *running) seedFlags(cmd *cobra.Command) {
	r.seeds.count = true
	cmd.Flags().Var(&r.seeds, "seeds", "run tests that have seeds with seeds 1 to `N` instead, or with a list such as 5-9 or 3,17")
	cmd.Flags().Var(&r.seed, "seed", "run tests that have seeds with exactly this one, `S`, or with a list such as 5-9 or 3,17")
	cmd.Flags().BoolVar(&r.quick, "quick", false, fmt.Sprintf("run only %d seeds of each test: faster, and no grade", grade.QuickSeeds))
	cmd.MarkFlagsMutuallyExclusive("seeds", "seed", "quick")
}

// runner returns what the flags ask for.
func (r *running) runner(a *app, confine bool) (*grade.Runner, error) {
	if r.jobs < 0 || r.timeout < 0 {
		return nil, usageError{errors.New("--jobs and --timeout are positive")}
	}
	box, err := sandbox(confine)
	if err != nil {
		return nil, err
	}
	seeds := r.seeds.seeds
	if len(r.seed.seeds) > 0 {
		seeds = r.seed.seeds
	}
	if confine && !r.unconfined {
		if err := confines(box); err != nil {
			return nil, err
		}
	}
	runner := &grade.Runner{Jobs: r.jobs, Timeout: r.timeout, Sandbox: box, Seeds: seeds, Quick: r.quick}
	if root, err := course.Find(a.directory); err == nil && !confine {
		// Without a place for them, binaries are built each time.
		runner.Keep, _ = programsOf(root)
	}
	return runner, nil
}

func (a *app) testCommand() *cobra.Command {
	var r running
	var out output
	cmd := &cobra.Command{
		Use:   "test [STAGE or TEST ...]",
		Short: "run graded tests and print the score board",
		Long: `Runs graded tests of your tree and prints the score board. Without arguments all
stages are run. Its last two lines on standard output are for programs:

  score 15/15
  12 passed, 0 failed, 0 skipped

A simulated run that failed is drawn: the failure names the page, which "lab view" opens.

A test can be written with its stage, as in 2aa/TestGrantsOneVotePerTerm2AA.`,
		Example: `  lab test 2a                         election, replication and RawNode
  lab test 2b --quick                 a few seeds, for a first look
  lab test 2ac --seeds 200            more schedules than the grade needs
  lab test TestCrashesAnywhere2AC --seed 17
  lab test TestCrashesAnywhere2AC --seed 5-9,17
  lab test --format table,junit --out results`,
		ValidArgsFunction: a.completeSelectors,
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			c, err := a.course()
			if err != nil {
				return err
			}
			chosen, err := selection(c, args)
			if err != nil {
				return err
			}
			runner, err := r.runner(a, false)
			if err != nil {
				return err
			}
			traces, err := tracesIn(out.dir)
			if err != nil {
				return err
			}
			keepFailures(runner, traces)
			report, err := a.run(cmd, runner, c, chosen)
			if err != nil {
				return err
			}
			drawFailures(traces, report.Results())
			if err := out.write(report, "report", a.tableOptions()); err != nil {
				return err
			}
			if !slices.Contains(out.formats, "table") {
				if err := report.WriteTotals(os.Stdout); err != nil {
					return err
				}
			}
			if !report.Passed() {
				return exit{exitFailed}
			}
			return nil
		}),
	}
	r.flags(cmd)
	r.seedFlags(cmd)
	out.flags(cmd)
	return cmd
}

// run runs tests of the plain tree and shows the progress.
func (a *app) run(cmd *cobra.Command, runner *grade.Runner, c *course.Course, chosen course.Selection) (*grade.Report, error) {
	p := newProgress("building")
	runner.Progress = p.update
	defer p.stop()
	report, err := runner.Run(cmd.Context(), grade.Tree{Course: c}, chosen)
	if err == nil {
		report.Silent = grade.Silent(c)
	}
	return report, err
}
