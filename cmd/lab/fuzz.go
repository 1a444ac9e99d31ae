package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// fuzzRound is how many seeds of each test are run between two looks at the clock.
const fuzzRound = grade.SeedsPerProcess

func (a *app) fuzzCommand() *cobra.Command {
	var r running
	var out string
	var limit time.Duration
	var from uint64
	cmd := &cobra.Command{
		Use:   "fuzz [STAGE or TEST ...]",
		Short: "run tests with fresh seeds until one fails or time is up",
		Long: `Runs the tests that have seeds with seeds that no grade ever used, until one fails
or time is up. What failed, and how to replay it, is kept in the folder given by
--out.`,
		Example: `  lab fuzz 2ac --for 10m
  lab fuzz TestCrashesAnywhere2AC --for 1h --jobs 1`,
		ValidArgsFunction: a.completeSelectors,
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			if limit <= 0 {
				return usageError{errors.New("--for is a positive time, such as 10m")}
			}
			c, err := a.course()
			if err != nil {
				return err
			}
			chosen, err := selection(c, args)
			if err != nil {
				return err
			}
			chosen = seeded(chosen)
			if len(chosen) == 0 {
				return usageError{errors.New("none of these tests has seeds")}
			}
			runner, err := r.runner(a, false)
			if err != nil {
				return err
			}
			if from == 0 {
				from = 1_000_000 + rand.Uint64N(1<<40)
			}
			return a.fuzz(cmd.Context(), runner, c, chosen, from, limit, out)
		}),
	}
	r.flags(cmd)
	cmd.Flags().DurationVar(&limit, "for", time.Minute, "how long")
	cmd.Flags().Uint64Var(&from, "from", 0, "first seed (default: a random one)")
	cmd.Flags().StringVar(&out, "out", "out", "`DIR` for what failed")
	return cmd
}

// seeded keeps the tests that have seeds.
func seeded(all course.Selection) course.Selection {
	var kept course.Selection
	for _, st := range all {
		with := course.StageTests{Stage: st.Stage}
		for _, test := range st.Tests {
			if len(test.Seeds) > 0 {
				with.Tests = append(with.Tests, test)
			}
		}
		if len(with.Tests) > 0 {
			kept = append(kept, with)
		}
	}
	return kept
}

func (a *app) fuzz(ctx context.Context, runner *grade.Runner, c *course.Course, chosen course.Selection, from uint64, limit time.Duration, out string) error {
	p := newProgress("building")
	defer p.stop()
	built, err := runner.Build(ctx, grade.Tree{Course: c}, chosen)
	if err != nil {
		return err
	}
	defer built.Close()
	begin := time.Now()
	next, runs := from, 0
	for time.Since(begin) < limit {
		runner.Seeds = runner.Seeds[:0]
		for range fuzzRound {
			runner.Seeds = append(runner.Seeds, next)
			next++
		}
		report, err := runner.RunBuilt(ctx, built, chosen)
		if err != nil {
			return err
		}
		for _, result := range report.Results() {
			runs += len(result.Runs)
		}
		p.update(int(time.Since(begin).Seconds()), int(limit.Seconds()), fmt.Sprintf("%d runs", runs))
		if report.Passed() {
			continue
		}
		p.stop()
		for _, result := range report.Results() {
			if result.Status == grade.Passed {
				continue
			}
			text := result.Failure().String()
			fmt.Print(text, "\n")
			keep := output{dir: out}
			name := filepath.Join("fuzz", fmt.Sprintf("%s-%d.txt", result.Test.Name, result.Seed))
			if err := keep.file(name, func(w io.Writer) error {
				_, err := io.WriteString(w, text+"\n"+result.Output)
				return err
			}); err != nil {
				return err
			}
		}
		_, failed, _ := report.Counts()
		fmt.Printf("seeds %d to %d: %d of %d tests failed; kept in %s\n", from, next-1, failed, len(report.Results()), filepath.Join(out, "fuzz"))
		return exit{exitFailed}
	}
	p.stop()
	fmt.Fprintf(os.Stdout, "seeds %d to %d: %d runs, all passed\n", from, next-1, runs)
	return nil
}
