package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/trace"
)

func (a *app) replayCommand() *cobra.Command {
	var (
		r             running
		log, minimize bool
		out           string
	)
	cmd := &cobra.Command{
		Use:   "replay TEST",
		Short: "run one test again, twice, and compare the runs",
		Long: `Runs one test with one seed twice, each time in a new process, and prints the
verdict and the digest of what happened. Equal digests mean that the run replays
exactly; different ones mean that the code under test is not deterministic.

A simulated run leaves its log, which "lab trace" prints and "lab view" compares with
others, and a picture of it in the folder given by --out. If the run failed, it is the
log of the smallest schedule found that fails in the same way. The search for that ends
after a while; with --minimize it goes on until no fault is left that could be taken
out. The log of the last replay that was another run stays beside it.`,
		Example: `  lab replay TestCrashesAnywhere2AC --seed 17
  lab replay TestCrashesAnywhere2AC --seed 17 --log
  lab replay TestCrashesAnywhere2AC --seed 17 --minimize`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeTest,
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			c, err := a.course()
			if err != nil {
				return err
			}
			test, err := c.FindTest(args[0])
			if err != nil {
				return usageError{err}
			}
			seed := uint64(0) // the test has none
			switch given := r.seed.seeds; {
			case len(given) > 1:
				return usageError{fmt.Errorf("replay runs one seed, and --seed %s is %d: lab test %s --seed %[1]s runs them all", &r.seed, len(given), test.Name)}
			case len(given) == 1:
				seed = given[0]
			case len(test.Seeds) > 0:
				return usageError{fmt.Errorf("%s has seeds: name one with --seed, such as --seed %d; lab test %[1]s runs them all", test.Name, test.Seeds[0])}
			}
			runner, err := r.runner(a, false)
			if err != nil {
				return err
			}
			traces, err := tracesIn(out)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(traces, 0o755); err != nil {
				return err
			}
			runner.Environ = []string{trace.AllVariable + "=" + traces}
			if minimize {
				runner.Environ = append(runner.Environ, "LABKV_MINIMIZE=1")
				runner.Timeout = cmp.Or(runner.Timeout, minimizeTimeout)
			}
			kept := keptLog{trace.FileIn(traces, test.Name, seed)}
			chosen := course.Selection{{Stage: test.Stage, Tests: []*course.Test{test}}}
			built, err := runner.Build(cmd.Context(), grade.Tree{Course: c}, chosen)
			if err != nil {
				return err
			}
			defer built.Close()
			if err := kept.putAside(); err != nil {
				return err
			}
			defer kept.settle()
			var runs [2]*grade.Result
			for i := range runs {
				report, err := runner.RunBuilt(cmd.Context(), built, chosen)
				if err != nil {
					return err
				}
				runs[i] = report.Results()[0]
			}
			if log {
				io.WriteString(os.Stdout, runs[0].Output)
			}
			drawFailures(traces, runs[:1])
			err = compare(os.Stdout, runs[0], runs[1])
			kept.settle()
			kept.show(os.Stdout)
			return err
		}),
	}
	r.flags(cmd)
	cmd.Flags().Var(&r.seed, "seed", "the seed, `S`, of a test that has seeds")
	cmd.Flags().BoolVar(&log, "log", false, "print what the test printed")
	cmd.Flags().BoolVar(&minimize, "minimize", false, "take faults out of a failing schedule until none can go")
	cmd.Flags().StringVar(&out, "out", "out", "`DIR` for the log of the run")
	return cmd
}

// minimizeTimeout is the time for a test process that looks for the smallest schedule,
// unless --timeout says another.
const minimizeTimeout = 10 * time.Minute

// relative returns path as seen from the working directory, if that is below it.
func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if short, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(short) {
		return short
	}
	return path
}

// digest is the digest of the only run of r.
func digest(r *grade.Result) string {
	if len(r.Runs) > 0 {
		return r.Runs[0].Digest
	}
	return r.Digest
}

// compare writes the verdict on the first run and how the second compares.
func compare(w io.Writer, first, second *grade.Result) error {
	if first.Status != grade.Passed && first.Status != grade.NotImplemented {
		fmt.Fprint(w, first.Failure().String(), "\n")
	}
	for i, run := range []*grade.Result{first, second} {
		fmt.Fprintf(w, "run %d: %s, digest %s", i+1, run.Status, cmp.Or(digest(run), "none"))
		if run.Status != grade.Passed {
			fmt.Fprintf(w, ", %s", run.Found())
		}
		fmt.Fprintln(w)
	}
	switch {
	case digest(first) != digest(second):
		fmt.Fprintln(w, "the digests differ: your code is nondeterministic here; doc/determinism.md says what to look for")
		return exit{exitFailed}
	case first.Status != second.Status || first.Found() != second.Found():
		fmt.Fprintln(w, "the verdicts differ: your code is nondeterministic here; doc/determinism.md says what to look for")
		return exit{exitFailed}
	case digest(first) != "":
		fmt.Fprintln(w, "replays exactly")
	default:
		fmt.Fprintln(w, "the same verdict twice")
	}
	if first.Status != grade.Passed {
		return exit{exitFailed}
	}
	return nil
}
