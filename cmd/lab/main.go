// Lab runs the course: it grades, explains, and makes handouts.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/internal/program"
)

// Exit codes.
const (
	exitPassed  = 0 // everything asked for passed
	exitFailed  = 1 // some graded test failed or is not implemented
	exitUsage   = 2 // wrong usage
	exitHarness = 3 // the harness itself failed
	exitOpen    = 4 // submissions cannot be confined here
)

// exit is the error of a command that has written its own message.
type exit struct {
	code int
}

func (e exit) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// harnessError marks an error of a command that ran, as opposed to one that
// was called wrongly.
type harnessError struct {
	error
}

func (e harnessError) Unwrap() error { return e.error }

// usageError marks wrong usage that a command itself finds.
type usageError struct {
	error
}

func (e usageError) Unwrap() error { return e.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), program.Signals()...)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string) int {
	app := newApp()
	root := app.command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var done exit
	var harness harnessError
	var usage usageError
	switch {
	case err == nil:
		return exitPassed
	case errors.As(err, &done):
		return done.code
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "lab: interrupted")
		return exitHarness
	case errors.As(err, &usage), !errors.As(err, &harness):
		fmt.Fprintf(os.Stderr, "lab: %s\n", firstParagraph(err.Error()))
		return exitUsage
	}
	fmt.Fprintf(os.Stderr, "lab: %s\n", err)
	return exitHarness
}

// firstParagraph is the error alone of cobra's errors with suggestions.
func firstParagraph(text string) string {
	text, _, _ = strings.Cut(text, "\n\n")
	return strings.TrimSpace(text)
}

// ran wraps a command's function, so that its errors do not count as wrong usage.
func ran(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := f(cmd, args); err != nil {
			return harnessError{err}
		}
		return nil
	}
}
