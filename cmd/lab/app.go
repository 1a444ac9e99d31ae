package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/labkv/labkv/internal/program"
	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
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
on, 2a for 2aa, 2ab and 2ac. Case does not matter. A test is written by its name,
or by its stage and its name, as in 2aa/TestGrantsOneVotePerTerm2AA.

Exit codes: 0 everything asked for passed; 1 some graded test failed or is not
implemented; 2 wrong usage; 3 the harness itself failed; 4 submissions cannot be
confined here, so none was run.`,
		Example: `  lab status                  what is done, and what comes next
  lab test 2a                 run a project's tests
  lab watch 2a                and again, at each save
  lab explain 2aa             what a stage asks for
  lab replay TestCrashesAnywhere2AC --seed 17`,
		Version:       program.VersionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if !errors.As(err, &unknown) {
			return err
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return fmt.Errorf("%w%s", err, course.DidYouMean("--"+unknown.GetSpecifiedName(), names))
	})
	root.PersistentFlags().StringVarP(&a.directory, "course", "C", ".", "take the course that `DIR` is in")
	root.PersistentFlags().BoolVar(&a.noColor, "no-color", false, "no color, even on a terminal")
	root.AddCommand(
		a.testCommand(),
		a.watchCommand(),
		a.replayCommand(),
		a.traceCommand(),
		a.viewCommand(),
		a.fuzzCommand(),
		a.statusCommand(),
		a.explainCommand(),
		a.playCommand(),
		a.clusterCommand(),
		sandboxCommand(),
	)
	for _, command := range authoring {
		root.AddCommand(command(a))
	}
	return root
}

// knownCommand refuses a word that is no command.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			names = append(names, cmd.Name())
		}
	}
	return fmt.Errorf("unknown command %q for %q%s", args[0], root.CommandPath(), course.DidYouMean(args[0], names))
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
