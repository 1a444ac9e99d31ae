// Command labkv-scheduler manages a cluster of stores: it hands out ids and
// timestamps, knows from heartbeats where every region is, and tells the leaders of
// regions what to change, so that each region has enough copies and no store has too
// much to do.
//
//	labkv-scheduler --cluster-id N --path DIR [--addr HOST:PORT] [--config FILE]
//
// The first start on an empty directory makes the scheduler of a new cluster. Stores
// join with labkv-server --scheduler HOST:PORT.
//
// Settings come from the file, then from flags, which win. It stops on SIGINT,
// SIGTERM or SIGHUP, after letting calls finish for a while; a second signal ends it
// at once.
// Exit codes: 0 stopped, 1 could not serve, 2 wrong usage, 3 something that it needs
// is not implemented yet.
package main

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/internal/program"
	"github.com/labkv/labkv/internal/service"
	"github.com/labkv/labkv/lab/todo"
	"github.com/labkv/labkv/scheduler/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), program.Signals()...)
	context.AfterFunc(ctx, stop) // from now on a signal has its usual effect
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as parameters. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if p := recover(); p != nil {
			missing, ok := todo.Recovered(p)
			if !ok {
				panic(p)
			}
			code = unfinished(stderr, missing)
		}
	}()
	cmd := newCommand(stderr)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if broken, ok := errors.Cause(err).(*server.PanicError); ok {
		if missing, ok := todo.Recovered(broken.Value); ok {
			return unfinished(stderr, missing)
		}
		fmt.Fprintf(stderr, "panic: %v\n\n%s\n", broken.Value, broken.Stack)
	}
	fmt.Fprintf(stderr, "labkv-scheduler: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
	var usage *service.UsageError
	if stderrors.As(err, &usage) {
		return 2
	}
	return 1
}

// unfinished says what is not implemented, and returns the exit code for it.
func unfinished(stderr io.Writer, missing todo.Func) int {
	fmt.Fprintf(stderr, "labkv-scheduler: %s\n", missing.Explain("."))
	return todo.ExitCode
}

func newCommand(stderr io.Writer) *cobra.Command {
	config := defaultConfig()
	cmd := &cobra.Command{
		Use:   "labkv-scheduler --cluster-id N --path DIR",
		Short: "Manage a cluster of LabKV stores",
		Example: `  labkv-scheduler --cluster-id 1 --path scheduler

and then, as often as there are to be stores:

  labkv-server --scheduler 127.0.0.1:20150 --addr 127.0.0.1:20161 --path store1`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &service.UsageError{Err: fmt.Errorf("unexpected argument %q: everything is set by flags, see --help", args[0])}
			}
			return nil
		},
		Version:       program.VersionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := config.complete(cmd.Flags()); err != nil {
				return &service.UsageError{Err: err}
			}
			return serve(cmd.Context(), config, service.NewLogger(stderr, config.LogLevel))
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &service.UsageError{Err: err} })
	config.addFlags(cmd.Flags())
	return cmd
}
