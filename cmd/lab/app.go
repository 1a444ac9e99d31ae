package main

import (
	"fmt"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// app holds what all commands share.
type app struct {
	directory string
	noColor   bool
}

// authoring are the commands that a handout does not have.
var authoring []func(*app) *cobra.Command

func newApp() *app { return &app{} }

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "lab",
		Short: "grades, explains and runs what you write in the course",
		Long: `Lab runs the course's graded tests and explains what they find.

Stages nest and are written as in the guides: 2 stands for 2aa, 2ab, 2ac and so
on, 2a for 2aa, 2ab and 2ac. Case does not matter. A test is written by its name.

Exit codes: 0 everything asked for passed; 1 some graded test failed or is not
implemented; 2 wrong usage; 3 the harness itself failed.`,
		Example: `  lab status                  what is done, and what comes next
  lab test 2a                 run a project's tests
  lab explain 2aa             what a stage asks for
  lab replay TestName2AA --seed 17`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVarP(&a.directory, "course", "C", ".", "take the course that `DIR` is in")
	root.PersistentFlags().BoolVar(&a.noColor, "no-color", false, "no color, even on a terminal")
	root.AddCommand(
		a.testCommand(),
		a.replayCommand(),
		a.traceCommand(),
		a.fuzzCommand(),
		a.statusCommand(),
		a.explainCommand(),
		a.clusterCommand(),
		sandboxCommand(),
	)
	for _, command := range authoring {
		root.AddCommand(command(a))
	}
	return root
}

// course reads the course that the working directory is in and compares it with
// the tree.
func (a *app) course() (*course.Course, error) {
	root, err := course.Find(a.directory)
	if err != nil {
		return nil, usageError{err}
	}
	c, err := course.Load(root)
	if err != nil {
		return nil, err
	}
	return c.Resolve()
}

// selection returns the tests that arguments name.
func selection(c *course.Course, args []string) (course.Selection, error) {
	s, err := c.Select(args...)
	if err != nil {
		return nil, usageError{err}
	}
	return s, nil
}

// sandbox returns what confines test processes; with confine also their files
// and network.
func sandbox(confine bool) (grade.Sandbox, error) {
	self, err := os.Executable()
	if err != nil {
		return grade.Sandbox{}, err
	}
	return grade.Sandbox{Self: []string{self, "sandbox"}, Confine: confine}, nil
}

// sandboxCommand is the start of a test process: it limits itself, and becomes the
// test binary.
func sandboxCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "sandbox",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE:               ran(func(_ *cobra.Command, args []string) error { return grade.SandboxMain(args) }),
	}
}

// tableOptions says how tables are drawn on standard output.
func (a *app) tableOptions() grade.TableOptions {
	o := grade.TableOptions{Details: 3}
	fd := int(os.Stdout.Fd())
	if !term.IsTerminal(fd) {
		return o
	}
	o.Color = !a.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(fd); err == nil {
		o.Width = width
	}
	return o
}

// bar shows progress on a terminal's standard error. Without a terminal it shows
// nothing.
type bar struct {
	writer  progress.Writer
	tracker *progress.Tracker
}

func (a *app) newBar(what string) *bar {
	if !term.IsTerminal(int(os.Stderr.Fd())) || os.Getenv("TERM") == "dumb" {
		return &bar{}
	}
	w := progress.NewWriter()
	w.SetOutputWriter(os.Stderr)
	w.SetUpdateFrequency(100 * time.Millisecond)
	w.SetTrackerPosition(progress.PositionRight)
	w.SetAutoStop(false)
	w.Style().Visibility.Value = true
	w.Style().Visibility.Speed = false
	if !a.noColor && os.Getenv("NO_COLOR") == "" {
		w.Style().Colors = progress.StyleColorsExample
	}
	b := &bar{writer: w, tracker: &progress.Tracker{Message: what, Total: 1}}
	w.AppendTracker(b.tracker)
	go w.Render()
	return b
}

func (b *bar) update(done, total int, what string) {
	if b.tracker == nil {
		return
	}
	b.tracker.UpdateTotal(int64(total))
	b.tracker.SetValue(int64(done))
	b.tracker.UpdateMessage(what)
}

// stop removes the bar. What is printed afterwards stands alone.
func (b *bar) stop() {
	if b.tracker == nil {
		return
	}
	b.tracker.MarkAsDone()
	b.tracker = nil
	b.writer.Stop()
	for b.writer.IsRenderInProgress() {
		time.Sleep(5 * time.Millisecond)
	}
	fmt.Fprint(os.Stderr, text.CursorUp.Sprint(), text.EraseLine.Sprint())
}
