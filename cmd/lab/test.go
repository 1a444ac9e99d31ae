package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/spf13/cobra"
)

// running are the flags of commands that run tests.
type running struct {
	seeds   int
	seed    uint64
	jobs    int
	timeout time.Duration
}

func (r *running) flags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&r.jobs, "jobs", 0, "processes at a time (default: one per processor)")
	cmd.Flags().DurationVar(&r.timeout, "timeout", 0, "time for each test process, such as 30s (default: the stage's)")
}

func (r *running) seedFlags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&r.seeds, "seeds", 0, "run tests that have seeds with seeds 1 to `N` instead")
	cmd.Flags().Uint64Var(&r.seed, "seed", 0, "run tests that have seeds with exactly this one, `S`")
	cmd.MarkFlagsMutuallyExclusive("seeds", "seed")
}

// runner returns what the flags ask for.
func (r *running) runner(confine bool) (*grade.Runner, error) {
	if r.jobs < 0 || r.timeout < 0 || r.seeds < 0 {
		return nil, usageError{errors.New("--jobs, --timeout and --seeds are positive")}
	}
	box, err := sandbox(confine)
	if err != nil {
		return nil, err
	}
	runner := &grade.Runner{Jobs: r.jobs, Timeout: r.timeout, Sandbox: box}
	if r.seed != 0 {
		runner.Seeds = []uint64{r.seed}
	} else if r.seeds > 0 {
		if runner.Seeds, err = course.ParseSeeds(fmt.Sprintf("1-%d", r.seeds)); err != nil {
			return nil, usageError{err}
		}
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
  12 passed, 0 failed, 0 skipped`,
		Example: `  lab test 2a                         election, replication and RawNode
  lab test 2ab --seeds 200            more schedules than the grade needs
  lab test TestLeaderElection2AA --seed 17
  lab test --format table,junit --out results`,
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
			runner, err := r.runner(false)
			if err != nil {
				return err
			}
			report, err := a.run(cmd, runner, c, chosen)
			if err != nil {
				return err
			}
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

// run runs tests of the plain tree with a progress bar.
func (a *app) run(cmd *cobra.Command, runner *grade.Runner, c *course.Course, chosen course.Selection) (*grade.Report, error) {
	b := a.newBar("building")
	runner.Progress = b.update
	defer b.stop()
	return runner.Run(cmd.Context(), grade.Tree{Course: c}, chosen)
}
