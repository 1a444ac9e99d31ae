package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/watch"
)

func (a *app) watchCommand() *cobra.Command {
	var r running
	cmd := &cobra.Command{
		Use:   "watch [STAGE or TEST ...]",
		Short: "run tests again whenever a file is saved",
		Long: `Runs graded tests as "lab test" does, and then again whenever a file is saved that
they are built from: those of a package when one of its files or of those that it
imports changes. It prints which tests pass that did not before, and which no
longer do, and the first failure. A run that a save overtakes is begun anew.

Ctrl-C ends it.`,
		Example: `  lab watch 2aa
  lab watch 2b --quick
  lab watch TestGrantsOneVotePerTerm2AA`,
		ValidArgsFunction: a.completeSelectors,
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			// A reader of the output that has gone ends the watch in good order, too.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGPIPE)
			defer stop()
			runner, err := r.runner(a, false)
			if err != nil {
				return err
			}
			traces, err := tracesIn("out")
			if err != nil {
				return err
			}
			keepFailures(runner, traces)
			w := &watching{app: a, args: args, runner: runner, traces: traces, out: cmd.OutOrStdout()}
			if err := w.load(); err != nil {
				return err
			}
			err = w.run(ctx)
			if ctx.Err() != nil {
				return nil // the way to end it
			}
			return err
		}),
	}
	r.flags(cmd)
	r.seedFlags(cmd)
	return cmd
}

// A watching is one run of lab watch.
type watching struct {
	app    *app
	args   []string
	runner *grade.Runner
	// traces is the directory for the logs and pictures of runs that fail.
	traces string
	out    io.Writer

	course *course.Course
	chosen course.Selection
	files  *watch.Watcher

	// broken is why the course could not be read when its file was saved last. Until
	// that is mended, nothing runs.
	broken error
	// last is the last verdict on each test, by name: not built only if the test has
	// never run. It is nil before the end of the first run.
	last map[string]*grade.Result
	// pending are the packages whose tests have to run.
	pending []string
}

// load reads the course, and makes all tests pending.
func (w *watching) load() error {
	c, err := w.app.course()
	if err != nil {
		return err
	}
	chosen, err := selection(c, w.args)
	if err != nil {
		return err
	}
	w.course, w.chosen, w.pending = c, chosen, nil
	for _, test := range chosen.Tests() {
		w.pending = append(w.pending, test.Package)
	}
	slices.Sort(w.pending)
	w.pending = slices.Compact(w.pending)
	w.files = watch.New(c.Root, w.pending)
	return nil
}

// run runs tests and waits for changes in turn, until ctx is done.
func (w *watching) run(ctx context.Context) error {
	for {
		if err := w.files.Refresh(ctx); err != nil {
			if ctx.Err() != nil {
				return err
			}
			fmt.Fprintln(w.out, err) // go.mod may be half written
		}
		change, err := w.runUntilChange(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(w.out, "\n%s  saved: %s\n", time.Now().Format(time.TimeOnly), shortList(change.Files, 3))
		w.pending = append(w.pending, change.Packages...)
		slices.Sort(w.pending)
		w.pending = slices.Compact(w.pending)
		if slices.Contains(change.Files, course.FileName) {
			w.broken = w.load()
		}
	}
}

// runUntilChange runs the pending tests, reports, and waits for the next change. A
// change that comes earlier ends the run, and its tests stay pending. The error is
// the harness's, or ctx's.
func (w *watching) runUntilChange(ctx context.Context) (watch.Change, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running, overtake := context.WithCancel(ctx)
	defer overtake()
	type next struct {
		change watch.Change
		err    error
	}
	changed := make(chan next, 1)
	go func() {
		change, err := w.files.Next(ctx)
		overtake()
		changed <- next{change, err}
	}()
	if err := w.runPending(running); err != nil && running.Err() == nil {
		cancel()
		<-changed
		return watch.Change{}, err
	}
	n := <-changed
	return n.change, n.err
}

// runPending runs the pending tests and reports what is new.
func (w *watching) runPending(ctx context.Context) error {
	if w.broken != nil {
		return w.wait(w.broken.Error())
	}
	var chosen course.Selection
	for _, st := range w.chosen {
		tests := slices.DeleteFunc(slices.Clone(st.Tests), func(t *course.Test) bool { return !slices.Contains(w.pending, t.Package) })
		if len(tests) > 0 {
			chosen = append(chosen, course.StageTests{Stage: st.Stage, Tests: tests})
		}
	}
	p := newProgress("building")
	defer p.stop()
	w.runner.Progress = p.update
	report, err := w.runner.Run(ctx, grade.Tree{Course: w.course}, chosen)
	if err != nil {
		return err
	}
	p.stop()
	drawFailures(w.traces, report.Results())
	if w.last == nil {
		w.last = map[string]*grade.Result{}
		w.update(report)
		report.Silent = grade.Silent(w.course)
		table := w.app.tableOptions()
		table.Details = 1
		if err := report.WriteTable(w.out, table); err != nil {
			return err
		}
		return w.wait()
	}
	w.update(report).write(w.out, w.report())
	return w.wait()
}

// wait says what is waited for, after other lines.
func (w *watching) wait(lines ...string) error {
	_, err := fmt.Fprintln(w.out, strings.Join(append(lines, "", "waiting for a file to be saved; Ctrl-C ends"), "\n"))
	return err
}

// report returns the last verdicts on all chosen tests.
func (w *watching) report() *grade.Report {
	all := &grade.Report{Course: w.course, Quick: w.runner.Quick}
	for _, st := range w.chosen {
		s := &grade.StageReport{Stage: st.Stage}
		for _, test := range st.Tests {
			if result, ok := w.last[test.Name]; ok {
				s.Results = append(s.Results, result)
			}
		}
		all.Stages = append(all.Stages, s)
	}
	return all
}

// A difference is how a run compares with the verdicts before.
type difference struct {
	passed, failed []*grade.Result // newly
	same           int
	notBuilt       []*grade.Result // of every package that does not build, one
}

// update takes the verdicts of a run over. The tests of a package that does not
// build keep the verdicts that they have, and stay pending.
func (w *watching) update(report *grade.Report) (d difference) {
	w.pending = nil
	for _, result := range report.Results() {
		old := w.last[result.Test.Name]
		if result.Status == grade.NotBuilt {
			if !slices.Contains(w.pending, result.Test.Package) {
				w.pending = append(w.pending, result.Test.Package)
				d.notBuilt = append(d.notBuilt, result)
			}
			if old == nil {
				w.last[result.Test.Name] = result
			}
			continue
		}
		w.last[result.Test.Name] = result
		known := old != nil && old.Status != grade.NotBuilt
		passes := result.Status == grade.Passed
		switch {
		case known && passes == (old.Status == grade.Passed):
			d.same++
		case passes:
			d.passed = append(d.passed, result)
		default:
			d.failed = append(d.failed, result)
		}
	}
	return d
}

// write writes what is new, then the first failure, preferably a new one, and the
// totals of all tests.
func (d difference) write(out io.Writer, all *grade.Report) {
	for _, result := range d.failed {
		seed := ""
		if result.Seed != 0 {
			seed = fmt.Sprintf(", seed %d", result.Seed)
		}
		fmt.Fprintf(out, "newly %s: %s%s\n", result.Status, result.Test.Name, seed)
	}
	for _, result := range d.passed {
		fmt.Fprintf(out, "newly passed: %s\n", result.Test.Name)
	}
	if d.same > 0 {
		fmt.Fprintf(out, "as before: %d of %d tests\n", d.same, d.same+len(d.failed)+len(d.passed))
	}
	said := map[string]bool{}
	for _, result := range d.notBuilt {
		for _, s := range result.Sections {
			if !said[s.Text] { // by another package that imports what is broken
				said[s.Text] = true
				fmt.Fprintf(out, "does not build:\n%s\n", indent(s.Text))
			}
		}
	}
	for _, result := range append(slices.Clone(d.failed), all.Results()...) {
		if len(d.notBuilt) == 0 && (result.Status == grade.Failed || result.Status == grade.TimedOut) {
			fmt.Fprintf(out, "\n%s", result.Failure())
			break
		}
	}
	fmt.Fprintln(out)
	all.WriteTotals(out)
}

// shortList joins names, but names at most a few of them.
func shortList(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}
