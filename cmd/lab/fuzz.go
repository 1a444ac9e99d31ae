package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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
	var part shard
	cmd := &cobra.Command{
		Use:   "fuzz [STAGE or TEST ...]",
		Short: "run tests with fresh seeds until one fails or time is up",
		Long: `Runs the tests that have seeds with seeds that no grade ever used, until one fails
or time is up. What failed, and how to replay it, is kept in the folder given by
--out.

With --shard K/N, N machines with the same --from share the seeds from there on: each runs
ten of every 10·N, the next machine the next ten.`,
		Example: `  lab fuzz 2ac --for 10m
  lab fuzz TestCrashesAnywhere2AC --for 1h --jobs 1
  lab fuzz 2 --for 8h --from 5000000 --shard 2/4`,
		ValidArgsFunction: a.completeSelectors,
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			if limit <= 0 {
				return usageError{errors.New("--for is a positive time, such as 10m")}
			}
			if part.Of > 0 && from == 0 {
				return usageError{errors.New("--shard needs --from, the same on all machines: a random first seed differs on each")}
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
			return a.fuzz(cmd.Context(), runner, c, chosen, roundsOf(part, from), limit, out)
		}),
	}
	r.flags(cmd)
	cmd.Flags().DurationVar(&limit, "for", time.Minute, "how long")
	cmd.Flags().Uint64Var(&from, "from", 0, "first seed (default: a random one)")
	cmd.Flags().StringVar(&out, "out", "out", "`DIR` for what failed")
	cmd.Flags().Var(&part, "shard", "take part `K/N` of the seeds, on one of N machines; needs --from")
	return cmd
}

// rounds are the seeds that one machine runs, fuzzRound at a time.
type rounds struct {
	part   shard
	first  uint64 // seed of the first round
	stride uint64 // from the first seed of a round to the first of the next
}

// roundsOf shares the seeds from a first one among the machines of a shard: round i of all,
// counted from 0, is run by number i%Of + 1.
func roundsOf(part shard, from uint64) rounds {
	if part.Of == 0 {
		return rounds{first: from, stride: fuzzRound}
	}
	return rounds{
		part:   part,
		first:  from + uint64(part.Number-1)*fuzzRound,
		stride: uint64(part.Of) * fuzzRound,
	}
}

// seeds returns the seeds of round i, from 0.
func (r rounds) seeds(i int) []uint64 {
	seeds := make([]uint64, fuzzRound)
	for j := range seeds {
		seeds[j] = r.first + uint64(i)*r.stride + uint64(j)
	}
	return seeds
}

// until says which seeds have run when round i has.
func (r rounds) until(i int) string {
	text := fmt.Sprintf("seeds %d to %d", r.first, r.first+uint64(i)*r.stride+fuzzRound-1)
	if r.part.Of > 0 {
		text = fmt.Sprintf("part %s: %s, the first %d of every %d", r.part.String(), text, fuzzRound, r.stride)
	}
	return text
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

func (a *app) fuzz(ctx context.Context, runner *grade.Runner, c *course.Course, chosen course.Selection, all rounds, limit time.Duration, out string) error {
	traces, err := tracesIn(out)
	if err != nil {
		return err
	}
	keepFailures(runner, traces)
	p := newProgress("building")
	defer p.stop()
	built, err := runner.Build(ctx, grade.Tree{Course: c}, chosen)
	if err != nil {
		return err
	}
	defer built.Close()
	begin := time.Now()
	runs := 0
	for round := 0; ; round++ {
		runner.Seeds = all.seeds(round)
		report, err := runner.RunBuilt(ctx, built, chosen)
		if err != nil {
			return err
		}
		for _, result := range report.Results() {
			runs += len(result.Runs)
		}
		p.update(int(time.Since(begin).Seconds()), int(limit.Seconds()), fmt.Sprintf("%d runs", runs))
		if report.Passed() {
			if time.Since(begin) < limit {
				continue
			}
			p.stop()
			fmt.Printf("%s: %d runs, all passed\n", all.until(round), runs)
			return nil
		}
		p.stop()
		drawFailures(traces, report.Results())
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
		fmt.Printf("%s: %d of %d tests failed; kept in %s\n", all.until(round), failed, len(report.Results()), filepath.Join(out, "fuzz"))
		return exit{exitFailed}
	}
}
