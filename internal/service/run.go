package service

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"os/signal"
	"strings"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/internal/program"
	"github.com/labkv/labkv/lab/todo"
)

// Panicked is an error whose cause is a panic: what served met something in memory or on
// disk that cannot be.
type Panicked interface {
	error
	// Panic returns the value of the panic, and the stack at that place.
	Panic() (value any, stack []byte)
}

// Main runs a program's command with the arguments args, until it ends by itself or by a
// signal, and returns the exit code: 0 it was stopped, 1 it could not serve, 2 wrong
// usage, 3 something that it needs is not implemented yet. Failures are told on stderr, in
// one line; only a panic has a stack trace.
func Main(cmd *cobra.Command, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), program.Signals()...)
	context.AfterFunc(ctx, stop) // from now on a signal has its usual effect
	return Run(ctx, cmd, args, stdout, stderr)
}

// Run is Main until ctx is over, instead of until a signal.
func Run(ctx context.Context, cmd *cobra.Command, args []string, stdout, stderr io.Writer) (code int) {
	unfinished := func(missing todo.Func) int {
		fmt.Fprintf(stderr, "%s: %s\n", cmd.Name(), missing.Explain("."))
		return todo.ExitCode
	}
	defer func() {
		if p := recover(); p != nil {
			missing, ok := todo.Recovered(p)
			if !ok {
				panic(p)
			}
			code = unfinished(missing)
		}
	}()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &UsageError{Err: err} })
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if broken, ok := errors.Cause(err).(Panicked); ok {
		value, stack := broken.Panic()
		if missing, ok := todo.Recovered(value); ok {
			return unfinished(missing)
		}
		fmt.Fprintf(stderr, "panic: %v\n\n%s\n", value, stack)
	}
	fmt.Fprintf(stderr, "%s: %s\n", cmd.Name(), strings.ReplaceAll(err.Error(), "\n", " "))
	var usage *UsageError
	if stderrors.As(err, &usage) {
		return 2
	}
	return 1
}

// NoArguments refuses arguments that are not flags.
func NoArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &UsageError{Err: fmt.Errorf("unexpected argument %q: everything is set by flags, see --help", args[0])}
	}
	return nil
}
